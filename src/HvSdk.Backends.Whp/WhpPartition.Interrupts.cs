using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <content>Lines, messages and triggers.</content>
internal sealed partial class WhpPartition
{
    private const uint DeliveryNmi = 4;
    private const uint DeliveryInit = 5;

    public override void SetInterruptLine(int line, bool asserted) => _lines.Set(line, asserted);

    /// <summary>A message's fields (Intel SDM vol. 3A, 11.11.1 and 11.11.2) to those of the platform.</summary>
    public override unsafe bool SendMsi(MsiMessage message)
    {
        uint delivery = (message.Data >> 8) & 7;
        if (delivery is not (0 or 1 or DeliveryNmi or DeliveryInit))
        {
            // SMI, ExtINT and reserved ones: the platform takes none of them.
            return false;
        }

        WHV_INTERRUPT_CONTROL control = new()
        {
            Type = delivery,
            DestinationMode = (uint)(message.Address >> 2) & 1,
            TriggerMode = WhpInterruptLines.IsLevel(message) ? 1U : 0,
            Destination = (uint)(message.Address >> 12) & 0xFF,
            Vector = message.Data & 0xFF,
        };
        if (delivery <= 1 && !HasTarget(control))
        {
            return false;
        }

        int result = _host.Functions.WHvRequestInterrupt(_partition.Number, &control, (uint)sizeof(WHV_INTERRUPT_CONTROL));
        return result switch
        {
            >= 0 => true,

            // Vectors below 16, and destinations that no vCPU has.
            HRESULTS.ERROR_HV_INVALID_PARAMETER or HRESULTS.E_INVALIDARG or HRESULTS.ERROR_HV_INVALID_VP_INDEX => false,
            _ => throw WhpError.FromResult(nameof(WhvFunctions.WHvRequestInterrupt), result),
        };
    }

    public override void SetInterruptRoutes(ReadOnlySpan<InterruptRoute> routes) => _lines.SetRoutes(routes);

    public override HostEvent CreateLineTrigger(int line, bool levelTriggered, out HostEvent? acknowledged) =>
        _lines.CreateLineTrigger(line, levelTriggered, out acknowledged);

    public override HostEvent CreateMsiTrigger(MsiMessage message) => _lines.CreateMessageTrigger(message);

    public override void UpdateTrigger(HostEvent trigger, MsiMessage message)
    {
        var own = (WhpTrigger)trigger;
        if (own.Line >= 0)
        {
            throw new InvalidOperationException("The trigger belongs to a line; only a trigger for a message can be given another.");
        }

        own.Message = message;
    }

    /// <summary>Some vCPU would take it, as far as the platform can be asked.</summary>
    private unsafe bool HasTarget(in WHV_INTERRUPT_CONTROL control)
    {
        if (_host.Functions.WHvGetInterruptTargetVpSet is null)
        {
            return true;
        }

        uint count = 0;
        uint first = 0;
        int result = _host.Functions.WHvGetInterruptTargetVpSet(
            _partition.Number, control.Destination, (WHV_INTERRUPT_DESTINATION_MODE)control.DestinationMode, &first, 1, &count);

        // A buffer too small for the set is a set that is not empty.
        return result < 0 || count > 0;
    }
}
