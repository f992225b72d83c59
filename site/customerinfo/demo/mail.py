"""Mail while somebody works on the product: each a file, and on the terminal."""

from django.core.mail import EmailMessage
from django.core.mail.backends import console, filebased


class EmailBackend(filebased.EmailBackend):
    """For EMAIL_URL=file:///folder. A batch of mails is one file, named after the time."""

    def send_messages(self, messages: list[EmailMessage]) -> int | None:
        count = super().send_messages(messages)
        console.EmailBackend().send_messages(messages)
        return count
