"""What the scripts that write golden vectors of networks share: a case in float64 and float32 from the same weights."""
import torch


def stored(out, name, tensor):
    """Adds a tensor to `out` as float32, to be small, and gives exactly these numbers as float64."""
    out[name] = tensor.detach().float().contiguous()
    return out[name].double()


def case(out, name, module, inputs, loss, store=True):
    """Adds weights, inputs, and for both kinds of numbers the output, the loss and the gradient of every weight to `out`.

    Weights and inputs are stored as float32 to be small, and the results come from exactly these; with `store=False`
    another case has stored them. `loss` takes the module and the inputs, and gives output and loss."""
    module = module.double()
    stored = {k: v.detach().float() if v.is_floating_point() else v.clone() for k, v in module.state_dict().items()}
    weights = {k: v.double() if v.is_floating_point() else v for k, v in stored.items()}
    inputs = {k: v.float().double() for k, v in inputs.items()}
    if store:
        out.update({f"{name}/weight.{k}": v for k, v in stored.items()})
        out.update({f"{name}/input.{k}": v.float() for k, v in inputs.items()})
    for label, kind in (("f64", torch.float64), ("f32", torch.float32)):
        module.to(kind)
        module.load_state_dict(weights)
        module.train()  # batch norms by the batch's own statistics
        module.zero_grad()
        result, value = loss(module, {k: v.to(kind) for k, v in inputs.items()})
        value.backward()
        out[f"{name}/{label}/output"] = result.detach().clone().contiguous()
        out[f"{name}/{label}/loss"] = value.detach().clone()
        for key, parameter in module.named_parameters():
            if parameter.grad is None:  # a layer behind the last that is looked at
                continue
            # Of large gradients every seventh element, so that the file stays small.
            flat = parameter.grad.flatten()
            out[f"{name}/{label}/gradient.{key}"] = (flat[::7] if flat.numel() > 4096 else flat).clone()
