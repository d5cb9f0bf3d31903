from magicroll.texts.catalogue import Text
from magicroll.texts.extraction import (
    texts_in_python,
    texts_in_template,
    unmarked_in_python,
    unmarked_in_template,
)


def test_marked_texts_of_a_template_are_found() -> None:
    source = (
        '{% load i18n %}{% translate "One" %}{% translate "j F" context "date" as day %}'
        '<p title="{% translate "Two" %}">'
        "{% blocktranslate with name=user.name %}For {{ name }}.{% endblocktranslate %}"
        "{% blocktranslate count n=n %}{{ n }} dog{% plural %}{{ n }} dogs{% endblocktranslate %}"
        '{{ _("Three") }}'
    )
    assert texts_in_template(source) == {
        Text("One"), Text("j F", context="date"), Text("Two"), Text("For %(name)s."),
        Text("%(n)s dog", "%(n)s dogs"), Text("Three"),
    }  # fmt: skip


def test_marked_texts_of_a_module_are_found() -> None:
    source = (
        'a = _("One" " and more")\nb = ngettext("%(n)s dog", "%(n)s dogs", n)\nc = gettext_lazy("Two")\n'
        'd = N_("Three")\ne = pgettext("date", "j F")\nf = gettext(variable)\n'
    )
    assert texts_in_python(source) == {
        Text("One and more"), Text("%(n)s dog", "%(n)s dogs"), Text("Two"), Text("Three"),
        Text("j F", context="date"),
    }  # fmt: skip


def test_words_that_no_translation_reaches_are_found_wherever_a_person_meets_them() -> None:
    source = (
        '<h1>Hello</h1><img alt="A dog"><input placeholder="Search" name="q" value="x">{% if a %}so{% endif %}'
        '{# no #}{% comment %}no{% endcomment %}<code>no</code><p class="no">{{ no }}</p><a href="no">·</a>'
        '{% translate "no" %}{% blocktranslate %}no{% endblocktranslate %}<p>Magic Roll</p>'
        "{% block body_class %}no{% endblock %}{% block body %}then{% endblock %}"
    )
    assert unmarked_in_template(source) == ["Hello", "A dog", "Search", "so", "then"]


def test_messages_that_no_translation_reaches_are_found() -> None:
    source = (
        'messages.success(request, "One")\nmessages.error(request, f"Two {x}")\nmessages.success(request, _("no"))\n'
        'raise ValidationError("Three")\nforms.CharField(label="Four", help_text=_("no"), name="no",\n'
        '    error_messages={"required": "Five", "invalid": _("no")})\nform.add_error("no", "Six")\n'
        'raise TagRefused("Seven")\nOutcome(kind, photo, "Eight")\n'
    )
    assert unmarked_in_python(source) == ["One", "Two ", "Three", "Four", "Five", "Six", "Seven", "Eight"]
