"""The project's addresses."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from bulkclaims_django.service import service


def index(_: HttpRequest) -> HttpResponse:
    """Say how much the clinic has sent."""
    return HttpResponse(f"Sample Clinic has sent {service().jobs('ACME', limit=1).count} files of claims.")


urlpatterns = [
    path("", index),
    path("admin/", admin.site.urls),
    path("api/v1/claims/", include("bulkclaims_django.urls")),
]
