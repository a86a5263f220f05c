"""What is configured about the files that people show with their filings and appeals."""

from pydantic import Field

from policybot.config.types import Section


class EvidenceSection(Section):
    """Files that are shown with a filing or an appeal: PDF, PNG and JPEG, drawn anew as pictures."""

    max_files: int = Field(5, ge=1, le=20, description="How many files one filing or appeal may have.")
    max_mib: int = Field(8, ge=1, le=32, description="How large one file may be, in MiB.")
    keep_days: int = Field(
        90, ge=1, le=1095, description="For how many days they are kept after the decision."
    )
