"""Mails to people who aren't a retailer's: who starts a trial, the operator's own."""

from django.db import models

from integrations.models import AbstractMail


class PublicMail(AbstractMail):
    """As integrations.models.Mail, in the public schema."""

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["due_at"], condition=models.Q(sent_at=None), name="public_mail_unsent"
            )
        ]
