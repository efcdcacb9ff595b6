"""The forms of the settings page. They work without scripts."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import get_language, get_language_info
from django.utils.translation import gettext_lazy as _

from ..errors import ChatError
from ..models import Preferences
from ..models.access import ApiKey
from ..models.preferences import FASTEST, SLOWEST
from ..people import accounts, keys


def languages() -> list[tuple[str, str]]:
    """Each by the name its speakers give it."""
    names = [name for name, _label in settings.LANGUAGES]
    return [(name, get_language_info(name)["name_local"]) for name in names]


class NoColon(forms.BaseForm):
    """Labels as they are written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})


class PreferencesForm(NoColon, forms.ModelForm):  # type: ignore[type-arg]
    language = forms.ChoiceField(
        label=_("Language"), choices=languages, widget=forms.RadioSelect
    )

    class Meta:
        model = Preferences
        fields = (
            *("language", "theme"),
            *("typewriter", "typewriter_speed", "remote_images"),
        )
        widgets = {
            "theme": forms.RadioSelect,
            "typewriter": forms.RadioSelect,
            "typewriter_speed": forms.NumberInput(
                attrs={"min": SLOWEST, "max": FASTEST}
            ),
        }
        labels = {
            "theme": _("Theme"),
            "typewriter": _("How an answer appears"),
            "typewriter_speed": _("Characters per second"),
            "remote_images": _("Load images of other sites without asking"),
        }
        help_texts = {
            "remote_images": _(
                "Such a site learns your network address and when you read."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["language"] = self.instance.language or get_language()


class KeyForm(NoColon, forms.Form):
    name = forms.CharField(
        label=_("What is it for?"),
        max_length=keys.MAX_NAME,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What may it do?"),
        choices=[
            ("chat", _("chat: ask, stop, change, delete")),
            ("read", _("read: lists, messages, answers")),
        ],
        initial=["chat", "read"],
        widget=forms.CheckboxSelectMultiple,
    )
    expires = forms.DateField(
        label=_("Last day (empty: it does not expire)"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def clean_expires(self) -> Any:
        day: date | None = self.cleaned_data["expires"]
        return keys.end_of(day) if day else None

    def issue(self, user: Any) -> tuple[ApiKey, str] | None:
        """The new key; None: the form says what is wrong."""
        if not self.is_valid():
            return None
        try:
            return keys.issue(user, **self.cleaned_data)
        except ChatError as error:
            self.add_error(error.field, str(error.message))
            return None


class LeaveForm(NoColon, forms.Form):
    """Asks for the password, or of who has none, for the user name."""

    answer = forms.CharField()

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        field = self.fields["answer"]
        if user.has_usable_password():
            field.label = _("Your password")
            attributes = {"autocomplete": "current-password"}
            field.widget = forms.PasswordInput(attrs=attributes)
        else:
            field.label = _("Your user name")
            field.widget = forms.TextInput(attrs={"autocomplete": "off"})

    def clean_answer(self) -> str:
        answer: str = self.cleaned_data["answer"]
        try:
            accounts.confirm(self.user, answer)
        except ChatError as error:
            raise forms.ValidationError(str(error.message)) from error
        return answer

    kept = False
    """Something of it is under a legal hold."""

    def leave(self) -> bool:
        """Delete the account; False: the form says what is wrong."""
        if not self.is_valid():
            return False
        try:
            self.kept = not accounts.delete(self.user)
        except ChatError as error:
            self.add_error(None, str(error.message))
            return False
        return True
