"""Operations that TensorFlow spells differently or lacks."""
