"""What displays share: axes to plot into, grids of images. matplotlib is imported when needed."""

import numpy as np


def new_axes(ax):
    """Return the axes given, or new ones."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def image_grid(rows, shape, labels=None, figure=None, **options):
    """Plot images, a list of rows of them, and return figure, axes and the last image."""
    n_columns = max(len(row) for row in rows)
    if figure is None:
        import matplotlib.pyplot as plt

        size = 0.7 * n_columns + 0.8, 0.75 * len(rows) + 0.3
        figure = plt.figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(rows), n_columns, squeeze=False)
    image = None
    for line, images in zip(axes, rows, strict=True):
        for ax in line:
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_color("0.8")
        for ax, pixels in zip(line, images, strict=False):
            image = ax.imshow(np.reshape(pixels, shape), **{"cmap": "Greys", **options})
        for ax in line[len(images) :]:
            ax.set_axis_off()
    if labels is not None:
        for line, label in zip(axes, labels, strict=True):
            line[0].set_ylabel(label, fontsize=8)
    return figure, axes, image


def grey_range(*images):
    """One scale for all images: white is 0, or the lowest if that is below, black the highest."""
    low = min(0.0, *(float(np.nanmin(part)) for part in images))
    high = max(float(np.nanmax(part)) for part in images)
    return {"vmin": low, "vmax": high if high > low else low + 1}


def check_shape(shape, n_features):
    """Refuse a shape of images that does not have as many pixels as there are features."""
    if len(shape) != 2 or shape[0] * shape[1] != n_features:
        raise ValueError(f"shape={shape} does not suit {n_features} features.")
