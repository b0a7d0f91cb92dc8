"""Rules that take pixels at places of a grid."""

from __future__ import annotations

from porter.rulebook import rule

rule(
    "torch.nn.functional.affine_grid(theta, size, align_corners=None)",
    to="affine_grid(theta, size, align_corners=align_corners)",
    cases={
        "F.affine_grid(x[:, :2, :3], g.size(), align_corners=False)": (
            "affine_grid(x[:, :2, :3], shape_list(g), align_corners=False)"
        ),
        "F.affine_grid(x[:, :2, :3], (2, 4, 5, 3), align_corners=True)": (
            "affine_grid(x[:, :2, :3], (2, 4, 5, 3), align_corners=True)"
        ),
    },
)
rule(
    "torch.nn.functional.grid_sample(input, grid, mode='bilinear', padding_mode='zeros', align_corners=None)",
    to="grid_sample(input, grid, mode=mode, padding_mode=padding_mode, align_corners=align_corners)",
    cases={
        "F.grid_sample(g, grid, align_corners=False)": "grid_sample(g, grid, align_corners=False)",
        'F.grid_sample(g, grid, mode="nearest", padding_mode="border", align_corners=True)': (
            'grid_sample(g, grid, mode="nearest", padding_mode="border", align_corners=True)'
        ),
        'F.grid_sample(g, grid, mode="bicubic", padding_mode="border", align_corners=False)': (
            'grid_sample(g, grid, mode="bicubic", padding_mode="border", align_corners=False)'
        ),
        'F.grid_sample(g, grid, mode="bicubic", align_corners=True)': (
            'grid_sample(g, grid, mode="bicubic", align_corners=True)'
        ),
    },
)
