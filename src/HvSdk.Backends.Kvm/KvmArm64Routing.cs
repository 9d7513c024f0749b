using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>The routing table of arm64: line n is SPI n, and a message of the frame is a line too, so that its trigger goes straight to the GIC.</summary>
internal sealed class KvmArm64Routing : KvmInterruptRouting
{
    private static readonly InterruptRoute[] s_lines =
        [.. Enumerable.Range(0, KvmGic.LineCount).Select(static line => InterruptRoute.ToInput(line, new InterruptInput(0, line)))];

    private readonly KvmMsiFrame? _frame;

    internal KvmArm64Routing(SafeFd partition, InterruptControllerMode mode, KvmMsiFrame? frame)
        : base(partition, mode == InterruptControllerMode.Full ? s_lines : [], KvmGic.LineCount) => _frame = frame;

    private protected override void Validate(ReadOnlySpan<InterruptRoute> routes)
    {
        foreach (InterruptRoute route in routes)
        {
            if (route.Message is not null || route.Input is not { Controller: 0 } input || input.Pin != route.Line)
            {
                throw new NotSupportedException(
                    $"Line {route.Line} of KVM's GIC is shared peripheral interrupt {route.Line} and leads nowhere else. Use the line of the interrupt that you want.");
            }
        }
    }

    private protected override bool TryRoute(int line, MsiMessage message, out kvm_irq_routing_entry entry)
    {
        entry = new() { gsi = (uint)line, type = KVM.KVM_IRQ_ROUTING_IRQCHIP };
        if (_frame is null || !_frame.TryGetLine(message, out int target))
        {
            return false;
        }

        entry.u.irqchip = new kvm_irq_routing_irqchip { pin = (uint)target };
        return true;
    }
}
