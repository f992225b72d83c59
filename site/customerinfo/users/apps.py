from django.apps import AppConfig


class UsersConfig(AppConfig):
    name = "customerinfo.users"
    label = "users"
