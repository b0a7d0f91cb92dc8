"""What stands in for definitions of `porter.runtime` where a generated file builds on transformers 4 and Keras 2.

Nothing imports these modules: their definitions are written into the file beside a port, in place of the runtime's of
the same names. `keras` is the one of transformers' `modeling_tf_utils` there.
"""
