from tagging.search.keeping import Keeper


def test_it_works() -> None:
    kept: Keeper[str] = Keeper(most_bytes=100)
    kept.put("a", 1, "one", 10)
    assert kept.get("a", 1) == "one"
    assert kept.get("a", 2) is None
    assert kept.get("b", 1) is None
    kept.forget()
    assert kept.get("a", 1) is None


def test_what_was_least_recently_used_goes_first() -> None:
    kept: Keeper[str] = Keeper(most_bytes=100)
    for key in "abc":
        kept.put(key, 1, key, 30)
    assert kept.get("a", 1) == "a"
    kept.put("d", 1, "d", 30)
    assert [key for key in "abcd" if kept.get(key, 1)] == ["a", "c", "d"]


def test_a_newer_version_takes_the_place_of_the_older_one() -> None:
    kept: Keeper[str] = Keeper(most_bytes=100)
    kept.put("a", 1, "old", 60)
    kept.put("a", 2, "new", 60)
    kept.put("b", 1, "b", 40)
    assert (kept.get("a", 2), kept.get("b", 1)) == ("new", "b")


def test_the_newest_one_stays_however_large() -> None:
    kept: Keeper[str] = Keeper(most_bytes=100)
    kept.put("a", 1, "a", 10)
    kept.put("b", 1, "b", 1000)
    assert (kept.get("a", 1), kept.get("b", 1)) == (None, "b")
