"""Learning: from data to the parameters of an energy.

`optimizer` has the state of training and one step of it; `rbm` and `boltzmann` gradients from
samples, `climb` exact ones; `hopfield_rules` turns patterns into couplings, `dense` trains the
memories of a classifier.
"""
