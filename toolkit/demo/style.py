"""How the demo looks; fonts come from the page's own server, so that it needs no network."""

from __future__ import annotations

from gradio import themes

# Of the fonts Gradio ships, these are among the few whose files hold the Latin alphabet.
FONT = themes.LocalFont("Source Sans Pro", weights=(400, 700))
MONO = themes.LocalFont("IBM Plex Mono", weights=(400, 700))

THEME = themes.Default(
    primary_hue="teal",
    secondary_hue="teal",
    neutral_hue="slate",
    radius_size="lg",
    font=(FONT, "ui-sans-serif", "system-ui", "sans-serif"),
    font_mono=(MONO, "ui-monospace", "monospace"),
).set(
    # The theme's own shades are too pale to read: these have a contrast of at least 4.5 to 1.
    body_text_color_subdued="*neutral_500",
    body_text_color_subdued_dark="*neutral_400",
    block_label_text_color="*neutral_600",
    color_accent="*primary_700",
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    button_primary_background_fill_dark="*primary_700",
)

CSS = """
.gradio-container .main {width: 100%; min-width: 0; max-width: min(1120px, 100%) !important}
#heading h1 {font-size: 1.9rem; margin: 0.2rem 0 0.3rem}
#heading p, .hint p {color: var(--body-text-color-subdued); line-height: 1.5}
.hint p {font-size: var(--text-sm)}
#prediction, #table {--font-mono: var(--font)}
#prediction.tagged .textfield {line-height: 2.1}
#prediction.tagged [data-testid="block-label"] {position: static; width: 100%}
.dark #prediction.tagged .token.highlighted .text {color: white !important}
#reasons .legend {margin-bottom: 0.5rem}
#reasons .legend-item {font-weight: 400; font-size: var(--text-sm)}
#reasons .token.highlighted {margin: 0 1px; padding: 1px 3px}
#examples td, #examples th {text-align: left; white-space: normal; line-height: 1.4}
#examples td:last-child, #examples th:last-child {white-space: nowrap; width: 1%}
#examples:has(td img) thead {display: none}
#examples:has(td img) tbody {display: grid; grid-template-columns: repeat(auto-fill, minmax(6.2rem, 1fr)); gap: 0.5rem}
#examples:has(td img) tr {display: flex; flex-direction: column; padding: 0.3rem 0; background: none;
  border: 1px solid var(--border-color-primary); border-radius: var(--radius-lg)}
#examples:has(td img) tr:hover {border-color: var(--color-accent)}
#examples:has(td img) td, #examples:has(td img) td:last-child {width: auto; padding: 0.2rem 0.4rem; border: none;
  text-align: center; white-space: normal; overflow-wrap: anywhere}
.annotated [data-testid="block-label"] {position: static; width: 100%; border-width: 0 0 1px; border-radius: 0}
#prediction.annotated [data-testid="block-label"] {font-size: var(--text-lg); font-weight: 600; padding: 0.5rem 0.7rem;
  color: var(--body-text-color)}
.annotated .base-image {max-height: 26rem; object-fit: contain}
.annotated.fullscreen .base-image {max-height: calc(100vh - 7rem)}
.annotated.fullscreen .container {height: auto}
.annotated .mask {top: 0; left: 0; width: 100%; height: 100%; object-fit: contain}
.annotated .legend {margin: 0.3rem; border-radius: var(--radius-lg)}
.dark .annotated .legend {background: var(--neutral-200)}
.dark .annotated .legend-item {color: black}
.annotated .mask:not(.inactive) {opacity: 1}
.annotated .image-container:hover .mask:not(.active) {opacity: 0.15}
#input .upload-container {width: 100% !important}
#input.small img {object-fit: contain !important; image-rendering: pixelated}
.dark #reasons .token.highlighted .text, .dark #reasons .legend-item {color: white !important}
:root.dark, :root .dark {--color-accent: var(--primary-400)}
#stage, #scores, #stage .html-container, #scores .html-container {padding: 0}
.stage {margin: 0; text-align: center}
.stage img {display: block; margin: 0 auto; width: 100%; max-height: 30rem; object-fit: contain;
  border-radius: var(--radius-lg); border: 1px solid var(--border-color-primary)}
.stage figcaption {margin-top: 0.4rem; font-variant-numeric: tabular-nums; color: var(--body-text-color-subdued)}
.stage.empty {display: grid; place-content: center; min-height: 20rem; padding: 1rem; border-radius: var(--radius-lg);
  border: 1px dashed var(--border-color-primary); color: var(--body-text-color-subdued)}
.stage.empty b {color: var(--body-text-color)}
.scores p {margin: 0 0 0.3rem; color: var(--body-text-color-subdued)}
.scores .bar {display: grid; grid-template-columns: 7rem 1fr 3.5rem; gap: 0.5rem; align-items: center; line-height: 1.5;
  font-variant-numeric: tabular-nums}
.scores .bar b {display: flex; height: 0.7rem; border-radius: 3px; background: var(--background-fill-secondary)}
.scores .bar i { border-radius: 3px; background: var(--neutral-400)}
.scores .bar.chosen span {font-weight: 700}
.scores .bar.chosen i {background: var(--primary-700)}
.dark .scores .bar.chosen i {background: var(--primary-400)}
.scores .bar span:last-child {text-align: right; white-space: nowrap}
.toast-body {max-height: 60vh; overflow-y: auto}
footer .divider:last-child {display: none}
"""
"""Labels and tables in the page's font; examples wrap, their labels do not; nothing wider than a phone.

Examples with pictures are a grid. A label does not cover the picture it is about. Legends are on a light ground, as
their colours are half transparent.
"""
