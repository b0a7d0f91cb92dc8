"""Rules for `torch.distributions`: what is drawn is other numbers of the same distribution, all else is the same."""

from __future__ import annotations

from porter.rulebook import rule

rule(
    "torch.distributions.normal.Normal(loc, scale, validate_args=None)",
    to="Normal(loc, scale)",
    cases={"torch.distributions.Normal(x, x.exp()).log_prob(x)": "Normal(x, tf.exp(x)).log_prob(x)"},
)
rule(
    "torch.distributions.categorical.Categorical(probs=None, logits=None, validate_args=None)",
    to="Categorical(probs=probs, logits=logits)",
    cases={"torch.distributions.Categorical(logits=x).entropy()": "Categorical(logits=x).entropy()"},
)
rule(
    "torch.distributions.bernoulli.Bernoulli(probs=None, logits=None, validate_args=None)",
    to="Bernoulli(probs=probs, logits=logits)",
    cases={"torch.distributions.Bernoulli(logits=x).entropy()": "Bernoulli(logits=x).entropy()"},
)
rule(
    "torch.distributions.independent.Independent(base_distribution, reinterpreted_batch_ndims, validate_args=None)",
    to="Independent(base_distribution, reinterpreted_batch_ndims)",
    cases={
        "torch.distributions.Independent(torch.distributions.Normal(x, 1.0), 1).log_prob(x)": (
            "Independent(Normal(x, 1.0), 1).log_prob(x)"
        )
    },
)
rule(
    "torch.distributions.kl.kl_divergence(p, q)",
    to="kl_divergence(p, q)",
    cases={
        "torch.distributions.kl_divergence(torch.distributions.Normal(x, 1.0), torch.distributions.Normal(x, 2.0))": (
            "kl_divergence(Normal(x, 1.0), Normal(x, 2.0))"
        )
    },
)
