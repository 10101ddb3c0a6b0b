"""The use cases on requests: what both doors, the pages and the worker call."""

from portal.service.airlock import Airlock
from portal.service.asking import NewFile
from portal.service.parts import Lives, Parts
from portal.service.projects import end_project, register_project
from portal.service.uploading import WrongOffset

__all__ = ["Airlock", "Lives", "NewFile", "Parts", "WrongOffset", "end_project", "register_project"]
