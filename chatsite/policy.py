"""What browsers may do with an answer.

Pages have the policy of the settings, by django-csp. It puts it together anew for each
answer, twice, which was an eighth of what it takes to start a stream; so whatever is no
page has a fixed one: nothing at all.
"""

from __future__ import annotations

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

NOT_A_PAGE = "default-src 'none'; frame-ancestors 'none'"


class PolicyMiddleware(CSPMiddleware):
    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if response.headers.get("Content-Type", "").startswith("text/html"):
            page: HttpResponseBase = super().process_response(request, response)
            return page
        response.headers.setdefault(HEADER, NOT_A_PAGE)
        return response
