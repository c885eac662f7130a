"""The report of a run: one self-contained HTML page, built from sections that any task can use."""

from toolkit.artifact.report.answers import Answered, answers_section
from toolkit.artifact.report.boxes import boxes_section, precision_section
from toolkit.artifact.report.calibration import calibration_section
from toolkit.artifact.report.confusion import confusion_section
from toolkit.artifact.report.curves import curves_section
from toolkit.artifact.report.data import data_section, ledger_section
from toolkit.artifact.report.episodes import episodes_section
from toolkit.artifact.report.errors import errors_section
from toolkit.artifact.report.fillings import Filled, adaptation_section, fillings_section
from toolkit.artifact.report.found import Found, found_section
from toolkit.artifact.report.masks import masks_section, overlap_section
from toolkit.artifact.report.pace import pace_section
from toolkit.artifact.report.page import ReportSection, write_report
from toolkit.artifact.report.regression import regression_section
from toolkit.artifact.report.reproduce import reproduce_section
from toolkit.artifact.report.results import headline_section, per_class_section
from toolkit.artifact.report.returns import returns_section
from toolkit.artifact.report.samples import Sample, samples_section
from toolkit.artifact.report.settings import settings_section
from toolkit.artifact.report.tagged import tagged_section
from toolkit.artifact.report.texts import lengths_section, texts_section
from toolkit.artifact.report.videos import Video, videos_section

__all__ = [
    "Answered",
    "Filled",
    "Found",
    "ReportSection",
    "Sample",
    "Video",
    "adaptation_section",
    "answers_section",
    "boxes_section",
    "calibration_section",
    "confusion_section",
    "curves_section",
    "data_section",
    "episodes_section",
    "errors_section",
    "fillings_section",
    "found_section",
    "headline_section",
    "ledger_section",
    "lengths_section",
    "masks_section",
    "overlap_section",
    "pace_section",
    "per_class_section",
    "precision_section",
    "regression_section",
    "reproduce_section",
    "returns_section",
    "samples_section",
    "settings_section",
    "tagged_section",
    "texts_section",
    "videos_section",
    "write_report",
]
