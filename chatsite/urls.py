"""All URLs of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from chat.signin.views import admin_login

urlpatterns = [
    path("admin/login/", admin_login),
    path("admin/", admin.site.urls),
    path("accounts/", include("chat.signin.urls")),
    path("", include("chat.urls")),
]
