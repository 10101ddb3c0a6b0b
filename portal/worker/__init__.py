"""What happens by itself: freezing, checking, releasing, expiring, forgetting and telling."""

from portal.worker.parts import Notice, Patience, Sender, WorkerParts
from portal.worker.senders import Mail, Webhook
from portal.worker.working import Worker

__all__ = ["Mail", "Notice", "Patience", "Sender", "Webhook", "Worker", "WorkerParts"]
