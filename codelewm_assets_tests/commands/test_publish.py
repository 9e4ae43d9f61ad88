"""`publish`: what would go, or one line."""

from codelewm_assets_tests.command import Run


def test_publish_before_a_release_was_made_is_one_line(run: Run) -> None:
    run("publish").is_one_line_error("hub_release has not been materialized")
