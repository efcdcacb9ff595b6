"""OpenID Connect, stricter than allauth has it: a nonce, the issuer, the signature.

Shapes and rules: OpenID Connect Core 1.0 (3.1.2.1, 3.1.3.7, 5.3.2) and Discovery 1.0
(4.3). PKCE and the state are allauth's.
"""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import (
    OpenIDConnectProvider,
)
from allauth.socialaccount.providers.openid_connect.views import (
    OpenIDConnectOAuth2Adapter,
)
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import constant_time_compare, get_random_string

NONCE = 32
"""Characters."""
Claims = dict[str, Any]


def app() -> SocialApp | None:
    """The one provider, as the environment has it. What it says of people is kept under
    its issuer: another provider with the same ids is somebody else."""
    if not settings.OIDC_ISSUER:
        return None
    return SocialApp(
        provider=Provider.id,
        provider_id=settings.OIDC_ISSUER,
        name=settings.OIDC_NAME,
        client_id=settings.OIDC_CLIENT_ID,
        secret=settings.OIDC_CLIENT_SECRET,
        settings={"server_url": settings.OIDC_ISSUER, "scope": settings.OIDC_SCOPES},
    )


class Adapter(OpenIDConnectOAuth2Adapter):
    nonce = ""
    """Which the ID token has to name; the callback sets it from the state."""

    @property
    def openid_config(self) -> Claims:
        config: Claims = super().openid_config
        if str(config.get("issuer")).rstrip("/") != settings.OIDC_ISSUER:
            raise OAuth2Error("the issuer calls itself something else")
        return config

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any
    ) -> Any:
        answer = kwargs["response"]
        try:
            claims = self._decode_id_token(app, answer["id_token"])
            told = self._fetch_user_info(token.token)
        except (KeyError, TypeError, ValueError) as error:
            raise OAuth2Error(f"not as the protocol has it: {error!r}") from error
        if told.get("sub") != claims.get("sub"):
            raise OAuth2Error("userinfo is about somebody else")
        claims |= told
        login = self.get_provider().sociallogin_from_response(request, claims)
        login.claims = claims
        return login

    def _decode_id_token(self, app: SocialApp, id_token: str) -> Claims:
        # The signature too, though the token came straight from the provider: that is
        # no proof where it is asked without TLS.
        self.did_fetch_access_token = False
        claims: Claims = super()._decode_id_token(app, id_token)
        if not constant_time_compare(claims.get("nonce") or "", self.nonce):
            raise OAuth2Error("the nonce is another one")
        return claims

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return request.build_absolute_uri(reverse("sso-callback"))


class Provider(OpenIDConnectProvider):
    oauth2_adapter_class = Adapter

    def redirect(
        self,
        request: HttpRequest,
        process: str,
        next_url: str | None = None,
        data: Any = None,
        **kwargs: Any,
    ) -> Any:
        nonce = get_random_string(NONCE)
        params = {**self.get_auth_params(), "nonce": nonce}
        return super().redirect(
            request, process, next_url, data, auth_params=params, nonce=nonce
        )

    def extract_extra_data(self, data: Claims) -> Claims:
        """What is kept beside the id: nothing."""
        return {}

    def extract_common_fields(self, data: Claims) -> Claims:
        fields: Claims = super().extract_common_fields(data)
        return {**fields, "email": data["email"] if has_verified_email(data) else None}

    def extract_email_addresses(self, data: Claims) -> list[Any]:
        """The address if the provider has verified it. Any other one is not kept: it
        could be of anybody."""
        if not has_verified_email(data):
            return []
        known = {**data, "email_verified": True}
        addresses: list[Any] = super().extract_email_addresses(known)
        return addresses


def has_verified_email(claims: Claims) -> bool:
    """Some providers say nothing of it, and are to be trusted all the same."""
    said = claims.get("email_verified", settings.OIDC_TRUST_EMAIL)
    return isinstance(claims.get("email"), str) and said in (True, "true")
