"""What a run leaves behind: a folder that loads anywhere."""

from toolkit.artifact.artifact import Artifact

__all__ = ["Artifact"]
