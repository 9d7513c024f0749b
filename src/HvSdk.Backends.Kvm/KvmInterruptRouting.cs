using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>The partition's routing table: lines as the caller says, and one GSI above them per message trigger. As it stands, that of x86-64.</summary>
/// <remarks>The core serializes the calls. The kernel takes the table as a whole.</remarks>
internal class KvmInterruptRouting
{
    /// <summary>KVM_MAX_IRQ_ROUTES: routes there can be, and numbers that lines can have.</summary>
    private const int MaxRoutes = 4096;
    private const int PinsPerPic = 8;
    private const int PicLines = 16;

    /// <summary>Shared by all partitions that keep it: replaced as a whole, never written to.</summary>
    private static readonly InterruptRoute[] s_defaultLines = DefaultLines();

    private readonly SafeFd _partition;
    private readonly int _maxRoutes;
    private readonly int _firstMessageLine;
    private readonly Dictionary<int, MsiMessage> _messages = [];
    private InterruptRoute[] _lines;

    internal KvmInterruptRouting(SafeFd partition, InterruptControllerMode mode, int maxRoutes = MaxRoutes)
        : this(partition, mode == InterruptControllerMode.Full ? s_defaultLines : [], (int)KVM.KVM_IOAPIC_NUM_PINS, maxRoutes)
    {
    }

    private protected KvmInterruptRouting(SafeFd partition, InterruptRoute[] lines, int firstMessageLine, int maxRoutes = MaxRoutes)
    {
        _partition = partition;
        _maxRoutes = maxRoutes;
        _firstMessageLine = firstMessageLine;
        _lines = lines;
    }

    internal void SetLines(ReadOnlySpan<InterruptRoute> routes)
    {
        Validate(routes);
        if (routes.Length + _messages.Count > _maxRoutes)
        {
            throw new ArgumentException(
                $"{routes.Length} routes were given beside {_messages.Count} triggers for messages, and KVM keeps {_maxRoutes} in all. Set fewer.", nameof(routes));
        }

        InterruptRoute[] before = _lines;
        _lines = routes.ToArray();
        try
        {
            Write();
        }
        catch
        {
            _lines = before;
            throw;
        }
    }

    /// <summary>Gives a message a GSI of its own.</summary>
    internal int Add(MsiMessage message)
    {
        int line = _firstMessageLine;
        while (_messages.ContainsKey(line))
        {
            line++;
        }

        if (line >= _maxRoutes || _lines.Length + _messages.Count >= _maxRoutes)
        {
            throw new InvalidOperationException(
                $"The partition has {_messages.Count} triggers for messages and {_lines.Length} routes of lines, the most that KVM keeps. Dispose of triggers that are no longer used.");
        }

        _messages.Add(line, message);
        try
        {
            Write();
            return line;
        }
        catch
        {
            _messages.Remove(line);
            throw;
        }
    }

    internal void Update(int line, MsiMessage message)
    {
        _messages[line] = message;
        Write();
    }

    internal void Remove(int line)
    {
        _messages.Remove(line);
        Write();
    }

    /// <summary>Refuses routes that the chip does not have.</summary>
    private protected virtual void Validate(ReadOnlySpan<InterruptRoute> routes)
    {
        foreach (InterruptRoute route in routes)
        {
            if (route.Input is { } input && !IsInput(input))
            {
                throw new ArgumentOutOfRangeException(
                    nameof(routes), input, $"There is no input {input.Pin} of controller {input.Controller}: 0 and 1 are the 8259A pair with 8 inputs each, 2 is the I/O APIC with {KVM.KVM_IOAPIC_NUM_PINS}.");
            }
        }
    }

    /// <summary>The kernel's entry for a message.</summary>
    /// <returns>False: it leads nowhere, and gets none.</returns>
    private protected virtual bool TryRoute(int line, MsiMessage message, out kvm_irq_routing_entry entry)
    {
        entry = ToNative(line, message);
        return true;
    }

    /// <summary>What the kernel sets up by itself: lines 0 to 15 lead to the 8259A pair and the I/O APIC, 16 to 23 to the I/O APIC alone.</summary>
    private static InterruptRoute[] DefaultLines()
    {
        var routes = new List<InterruptRoute>();
        for (int line = 0; line < (int)KVM.KVM_IOAPIC_NUM_PINS; line++)
        {
            routes.Add(InterruptRoute.ToInput(line, new InterruptInput((int)KVM.KVM_IRQCHIP_IOAPIC, line)));
            if (line < PicLines)
            {
                routes.Add(InterruptRoute.ToInput(line, new InterruptInput(line / PinsPerPic, line % PinsPerPic)));
            }
        }

        return [.. routes];
    }

    private static bool IsInput(InterruptInput input) => (uint)input.Controller switch
    {
        KVM.KVM_IRQCHIP_PIC_MASTER or KVM.KVM_IRQCHIP_PIC_SLAVE => (uint)input.Pin < PinsPerPic,
        KVM.KVM_IRQCHIP_IOAPIC => (uint)input.Pin < KVM.KVM_IOAPIC_NUM_PINS,
        _ => false,
    };

    private static kvm_irq_routing_entry ToNative(int line, MsiMessage message)
    {
        kvm_irq_routing_entry entry = new() { gsi = (uint)line, type = KVM.KVM_IRQ_ROUTING_MSI };
        entry.u.msi = new kvm_irq_routing_msi { address_lo = (uint)message.Address, address_hi = (uint)(message.Address >> 32), data = message.Data };
        return entry;
    }

    private static kvm_irq_routing_entry ToNative(InterruptRoute route)
    {
        if (route.Message is { } message)
        {
            return ToNative(route.Line, message);
        }

        kvm_irq_routing_entry entry = new() { gsi = (uint)route.Line, type = KVM.KVM_IRQ_ROUTING_IRQCHIP };
        InterruptInput input = route.Input!.Value;
        entry.u.irqchip = new kvm_irq_routing_irqchip { irqchip = (uint)input.Controller, pin = (uint)input.Pin };
        return entry;
    }

    private void Write()
    {
        int most = _lines.Length + _messages.Count;
        byte[] buffer = new byte[Unsafe.SizeOf<kvm_irq_routing>() + (most * Unsafe.SizeOf<kvm_irq_routing_entry>())];
        Span<kvm_irq_routing_entry> entries = MemoryMarshal.Cast<byte, kvm_irq_routing_entry>(buffer.AsSpan(Unsafe.SizeOf<kvm_irq_routing>()));
        int count = 0;
        foreach (InterruptRoute route in _lines)
        {
            entries[count++] = ToNative(route);
        }

        foreach ((int line, MsiMessage message) in _messages)
        {
            if (TryRoute(line, message, out kvm_irq_routing_entry entry))
            {
                entries[count++] = entry;
            }
        }

        MemoryMarshal.Write(buffer, new kvm_irq_routing { nr = (uint)count });
        _partition.Control(KVM.KVM_SET_GSI_ROUTING, buffer, nameof(KVM.KVM_SET_GSI_ROUTING));
    }
}
