"""From pictures to tags: encoders, their install, preprocessing, ONNX Runtime sessions and the tagger.

Pure: nothing here knows Django or Celery.
"""
