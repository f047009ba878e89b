"""The addresses of the Django project in `combined`."""

from django.urls import include, path

urlpatterns = [path("api/v1/claims/", include("bulkclaims_django.urls"))]
