"""allauth's form for signing in, in our words."""

from allauth.account.forms import LoginForm as AllauthLoginForm


class LoginForm(AllauthLoginForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "E-mail"
        self.fields["remember"].label = "Remember me on this device"
        for name in ("login", "password"):
            self.fields[name].widget.attrs.pop("placeholder", None)
