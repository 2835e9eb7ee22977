"""Inference: what follows from an energy, whatever it is.

`chains` tempers, `likelihood` anneals, `mean_field` and `tap` solve equations for means, `recall`
goes downhill; `settle` iterates rows until each is done.
"""
