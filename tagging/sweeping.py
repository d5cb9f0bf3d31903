"""placeholder while index lands"""
