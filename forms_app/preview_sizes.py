"""The sizes at which a retailer looks at its pages: those of the devices at the till."""

PREVIEW_SIZES = [
    {"name": "landscape", "icon": "desktop", "device_width": 1180, "label": "Tablet, landscape"},
    {"name": "portrait", "icon": "tablet-alt", "device_width": 820, "label": "Tablet, portrait"},
    {"name": "phone", "icon": "mobile-alt", "device_width": 390, "label": "Phone"},
]
