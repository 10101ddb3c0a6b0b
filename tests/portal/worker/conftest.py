"""The same sites as the service's own tests have."""

from tests.portal.service.conftest import any_site as any_site
from tests.portal.service.conftest import site as site
