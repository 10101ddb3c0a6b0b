"""On a cluster of one's own, who signs in for the first time chooses a password and sets up a second factor."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Generator
from dataclasses import replace

import httpx
import pytest
from pyotp.totp import TOTP

from components.backend import Entrance, FirstSignIn
from providers.kubernetes.cluster import ClusterInfo
from providers.kubernetes.live import KubernetesLive
from providers.kubernetes.live.visiting import Visitor, patiently
from providers.kubernetes.target import KubernetesTarget
from tests.cluster.institution.conftest import erase, own_target
from tre import cli

pytestmark = pytest.mark.cluster

SITE = """\
config:
  tre:site:
    version: 1
    name: clinic
    title: A clinic
    tier: 2
    targets: {{own: {own}}}
    identity: {{issuer: embedded, longest_access_days: 3700}}
    defaults: {{image: {workspace}}}
    airlock: {{image: {portal}}}
    contacts: {{operator: o@example.org, information_governance: g@example.org, security: s@example.org}}
    people:
      - {{name: olive, email: olive@example.org, roles: [operator], expires: 2035-12-31}}
"""
OUTSIDE, SIGN_IN = 30843, 30844
CHOSEN = "a password of my own choice"
PATIENCE = 120.0


class Newcomer(Visitor):
    """Somebody who signs in for the first time, and then with what they chose."""

    def first_time(self) -> str:
        """Go through what is asked, in whatever order; return the authenticator's secret, if one was set up."""
        own, secret = self._entrance.people[self.name], ""
        page = self._call("GET", f"{self._entrance.portal}/sign-in/institution")
        page = self._sent(page, {"username": self.name, "password": own.password})
        while page is not None and (asked := self._asked(page)):
            secret = asked.pop("secret", secret)
            page = self._sent(page, asked)
        return secret

    def go_on(self, entrance: Entrance) -> None:
        """Sign in from now on as an entrance says, in the same browser."""
        self._entrance = entrance

    def _asked(self, page: httpx.Response) -> dict[str, str]:
        if "password-new" in page.text:
            return {"password-new": CHOSEN, "password-confirm": CHOSEN}
        found = re.search(r'name="totpSecret" value="([^"]+)"', page.text)
        if found is None:
            return {}
        secret = base64.b32encode(found[1].encode()).decode().rstrip("=")
        return {"secret": secret, "totpSecret": found[1], "totp": TOTP(secret).now(), "userLabel": "phone"}


@pytest.fixture(scope="module")
def entrance(cluster: ClusterInfo, tmp_path_factory: pytest.TempPathFactory) -> Generator[Entrance]:
    """Deploy the site, and give what its people first sign in with."""
    folder = tmp_path_factory.mktemp("clinic")
    own = own_target(cluster, OUTSIDE, SIGN_IN)
    (folder / "Pulumi.clinic.yaml").write_text(SITE.format(own=own, **cluster.images))
    assert cli.execute(["up", "clinic", "--yes", "--folder", str(folder)]) == 0
    yield KubernetesLive(KubernetesTarget.model_validate_json(own)).entrance("clinic", ["olive"])
    erase("clinic", folder)


def test_the_first_password_opens_nothing_until_both_factors_are_set(entrance: Entrance) -> None:
    newcomer = Newcomer(entrance, "olive")
    end = time.monotonic() + PATIENCE
    while not (secret := newcomer.first_time()) and time.monotonic() < end:
        time.sleep(3)  # the account appears a few seconds after the person was listed
    assert secret
    assert not newcomer.ask("GET", "/me").done, "a factor that was set up just now has not been shown yet"
    chosen = replace(entrance, people={"olive": FirstSignIn(CHOSEN, secret)})
    newcomer.go_on(chosen)
    patiently(newcomer, PATIENCE)
    assert newcomer.ask("GET", "/me").document["roles"] == [{"project": "site", "role": "operator"}]
    assert not Visitor(entrance, "olive").sign_in()
