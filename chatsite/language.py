"""In which language a request is answered: the cookie's, or the browser's.

Django's own middleware also looks for a language in the path, of the request and again
of the answer, which was a tenth of what it takes to start a stream; no path here has
one.
"""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers


class LanguageMiddleware(LocaleMiddleware):
    def process_request(self, request: HttpRequest) -> None:
        translation.activate(translation.get_language_from_request(request))
        request.LANGUAGE_CODE = translation.get_language()

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        patch_vary_headers(response, ("Accept-Language",))
        language = translation.get_language() or ""
        response.headers.setdefault("Content-Language", language)
        return response
