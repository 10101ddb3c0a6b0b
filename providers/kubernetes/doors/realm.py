"""The realm of a site in its own sign-in service: what Keycloak imports when it starts for the first time.

Pure functions. Every flow that a realm must name and that nobody here may take ends in a refusal: no registration,
no password reset by mail, no passwords from programs, no brokers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

PORTAL: Final = "tre-portal"
"""The outside door's own client; it proves itself by a secret."""
COMMAND_LINE: Final = "tre-command-line"
"""The public client of `tre airlock`: by a code that the person types into the browser (RFC 8628)."""
REGISTRAR: Final = "tre-registrar"
"""Who keeps people and groups as the deployer's files say; it signs nobody in."""
AUDIENCE: Final = "tre-airlock"
"""What an access token for the portal is made for."""
SECOND_FACTOR: Final = "otp"

_ACCESS_SECONDS: Final = 300
_IDLE_SECONDS: Final = 1800
_LONGEST_SECONDS: Final = 12 * 3600
_EVENTS_SECONDS: Final = 400 * 24 * 3600
_REFUSED: Final = "tre refused"


def name(site: str) -> str:
    """Return the realm's name."""
    return f"tre-{site}"


def document(site: str, title: str, portal: str, secrets: Mapping[str, str]) -> str:
    """Return the realm as JSON. `portal` is the outside door's address; `secrets` are by client."""
    return json.dumps(
        {
            "realm": name(site),
            "enabled": True,
            "displayName": title or site,
            **_closed(),
            **_lives(),
            **_guessing(),
            **_flows(),
            "requiredActions": _required_actions(),
            "components": _profile(site),
            "clients": [
                _portal(site, portal, secrets[PORTAL]),
                _command_line(site),
                _registrar(secrets[REGISTRAR]),
            ],
            "users": [
                {
                    "username": f"service-account-{REGISTRAR}",
                    "enabled": True,
                    "serviceAccountClientId": REGISTRAR,
                    "clientRoles": {
                        "realm-management": ["manage-users", "query-groups", "query-users", "view-users"]
                    },
                }
            ],
        },
        sort_keys=True,
    )


def _closed() -> dict[str, Any]:
    return {
        "sslRequired": "all",
        "registrationAllowed": False,
        "resetPasswordAllowed": False,
        "rememberMe": False,
        "verifyEmail": False,
        "loginWithEmailAllowed": False,
        "duplicateEmailsAllowed": True,
        "editUsernameAllowed": False,
        "internationalizationEnabled": False,
        "eventsEnabled": True,
        "eventsExpiration": _EVENTS_SECONDS,
        "adminEventsEnabled": True,
        "adminEventsDetailsEnabled": False,
        "browserSecurityHeaders": {
            "contentSecurityPolicy": "frame-src 'self'; frame-ancestors 'none'; object-src 'none';",
            "referrerPolicy": "no-referrer",
            "strictTransportSecurity": "max-age=31536000",
            "xContentTypeOptions": "nosniff",
            "xFrameOptions": "DENY",
        },
    }


def _lives() -> dict[str, Any]:
    return {
        "accessTokenLifespan": _ACCESS_SECONDS,
        "ssoSessionIdleTimeout": _IDLE_SECONDS,
        "ssoSessionMaxLifespan": _LONGEST_SECONDS,
        "accessCodeLifespan": 60,
        "accessCodeLifespanLogin": 600,
        "accessCodeLifespanUserAction": 600,
        "oauth2DeviceCodeLifespan": 600,
        "oauth2DevicePollingInterval": 5,
        "revokeRefreshToken": True,
        "refreshTokenMaxReuse": 0,
    }


def _guessing() -> dict[str, Any]:
    """Return what holds off guessing: five failures lock for a minute, then longer, up to a quarter of an hour."""
    return {
        "bruteForceProtected": True,
        "permanentLockout": False,
        "failureFactor": 5,
        "waitIncrementSeconds": 60,
        "minimumQuickLoginWaitSeconds": 60,
        "quickLoginCheckMilliSeconds": 200,
        "maxFailureWaitSeconds": 900,
        "maxDeltaTimeSeconds": 12 * 3600,
        "passwordPolicy": "length(14) and notUsername and notEmail and passwordHistory(5)",
        "otpPolicyType": "totp",
        "otpPolicyAlgorithm": "HmacSHA1",
        "otpPolicyDigits": 6,
        "otpPolicyPeriod": 30,
        "otpPolicyLookAheadWindow": 1,
        "otpPolicyCodeReusable": False,
    }


def _flows() -> dict[str, Any]:
    forms = "tre password and code"
    return {
        "authenticationFlows": [
            _flow(
                "tre browser",
                [_step("auth-cookie", "ALTERNATIVE", 10), _sub(forms, "ALTERNATIVE", 20)],
            ),
            _flow(
                forms,
                [
                    _step("auth-username-password-form", "REQUIRED", 10, told="tre password"),
                    # Required, not conditional: who has no second factor yet must set one up before going on.
                    _step("auth-otp-form", "REQUIRED", 20, told="tre code"),
                ],
                top=False,
            ),
            _flow(
                "tre clients",
                [_step("client-secret", "ALTERNATIVE", 10)],
                provider="client-flow",
            ),
            _flow(_REFUSED, [_step("deny-access-authenticator", "REQUIRED", 10)]),
        ],
        # What the token's `amr` (RFC 8176) says of each step, for as long as a session may last.
        "authenticatorConfig": [
            _reference("tre password", "pwd"),
            _reference("tre code", SECOND_FACTOR),
        ],
        "browserFlow": "tre browser",
        "clientAuthenticationFlow": "tre clients",
        "registrationFlow": _REFUSED,
        "directGrantFlow": _REFUSED,
        "resetCredentialsFlow": _REFUSED,
        "dockerAuthenticationFlow": _REFUSED,
        "firstBrokerLoginFlow": _REFUSED,
    }


def _flow(
    alias: str, steps: Sequence[Mapping[str, Any]], *, top: bool = True, provider: str = "basic-flow"
) -> dict[str, Any]:
    return {
        "alias": alias,
        "providerId": provider,
        "topLevel": top,
        "builtIn": False,
        "authenticationExecutions": list(steps),
    }


def _step(authenticator: str, requirement: str, priority: int, *, told: str = "") -> dict[str, Any]:
    step: dict[str, Any] = {
        "authenticator": authenticator,
        "authenticatorFlow": False,
        "requirement": requirement,
        "priority": priority,
        "userSetupAllowed": False,
    }
    return {**step, "authenticatorConfig": told} if told else step


def _sub(alias: str, requirement: str, priority: int) -> dict[str, Any]:
    return {
        "flowAlias": alias,
        "authenticatorFlow": True,
        "requirement": requirement,
        "priority": priority,
        "userSetupAllowed": False,
    }


def _reference(alias: str, value: str) -> dict[str, Any]:
    config = {"default.reference.value": value, "default.reference.maxAge": str(_LONGEST_SECONDS)}
    return {"alias": alias, "config": config}


def _required_actions() -> list[dict[str, Any]]:
    return [
        {
            "alias": alias,
            "name": words,
            "providerId": alias,
            "enabled": True,
            "defaultAction": False,
            "priority": priority,
            "config": {},
        }
        for alias, words, priority in (
            ("CONFIGURE_TOTP", "Configure OTP", 10),
            ("UPDATE_PASSWORD", "Update Password", 20),
        )
    ]


def _profile(site: str) -> dict[str, Any]:
    """Return what is known of a person: nobody changes it but the registrar, which reads the deployer's files."""
    managed = {"view": ["admin", "user"], "edit": ["admin"]}
    attributes = [
        {"name": each, "permissions": managed, "multivalued": False}
        for each in ("username", "email", "firstName", "lastName", "expires")
    ]
    return {
        "org.keycloak.userprofile.UserProfileProvider": [
            {
                "providerId": "declarative-user-profile",
                "subComponents": {},
                "config": {"kc.user.profile.config": [json.dumps({"attributes": attributes, "groups": []})]},
            }
        ]
    }


def _portal(site: str, address: str, secret: str) -> dict[str, Any]:
    return {
        **_client(PORTAL, "The airlock"),
        "publicClient": False,
        "clientAuthenticatorType": "client-secret",
        "secret": secret,
        "standardFlowEnabled": True,
        "baseUrl": address,
        "redirectUris": [f"{address}/*"],
        "webOrigins": [],
        "attributes": {
            "pkce.code.challenge.method": "S256",
            "post.logout.redirect.uris": f"{address}/*",
            "use.refresh.tokens": "false",
        },
        "protocolMappers": _mappers(site),
    }


def _command_line(site: str) -> dict[str, Any]:
    return {
        **_client(COMMAND_LINE, "The airlock's command line"),
        "publicClient": True,
        "attributes": {
            "oauth2.device.authorization.grant.enabled": "true",
            "pkce.code.challenge.method": "S256",
        },
        "protocolMappers": _mappers(site),
    }


def _registrar(secret: str) -> dict[str, Any]:
    return {
        **_client(REGISTRAR, "Keeps people and groups"),
        "publicClient": False,
        "clientAuthenticatorType": "client-secret",
        "secret": secret,
        "serviceAccountsEnabled": True,
        "fullScopeAllowed": True,
    }


def _client(client: str, words: str) -> dict[str, Any]:
    return {
        "clientId": client,
        "name": words,
        "enabled": True,
        "protocol": "openid-connect",
        "standardFlowEnabled": False,
        "implicitFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "serviceAccountsEnabled": False,
        "fullScopeAllowed": False,
        "consentRequired": False,
        "frontchannelLogout": False,
    }


def _mappers(site: str) -> list[dict[str, Any]]:
    everywhere = {"id.token.claim": "true", "access.token.claim": "true", "userinfo.token.claim": "true"}
    return [
        _mapper(
            "groups",
            "oidc-group-membership-mapper",
            {"claim.name": "groups", "full.path": "false"} | everywhere,
        ),
        _mapper("amr", "oidc-amr-mapper", everywhere),
        _mapper(
            "expires",
            "oidc-usermodel-attribute-mapper",
            {"user.attribute": "expires", "claim.name": "expires", "jsonType.label": "String"} | everywhere,
        ),
        *(
            _mapper(
                f"audience {each}",
                "oidc-audience-mapper",
                {"included.custom.audience": each, "access.token.claim": "true", "id.token.claim": "false"},
            )
            # The airlock's, and the API server's, which `tre:<name>` users ask.
            for each in (AUDIENCE, f"tre-{site}")
        ),
    ]


def _mapper(words: str, provider: str, config: Mapping[str, str]) -> dict[str, Any]:
    return {"name": words, "protocol": "openid-connect", "protocolMapper": provider, "config": dict(config)}
