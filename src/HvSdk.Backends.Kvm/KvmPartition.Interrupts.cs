using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <content>The interrupt chip, lines, messages and triggers.</content>
internal sealed partial class KvmPartition
{
    public override void SetInterruptLine(int line, bool asserted)
    {
        EnsureChip();
        kvm_irq_level level = new() { irq = (uint)line, level = asserted ? 1u : 0 };
        _partition.Control(KVM.KVM_IRQ_LINE, ref level, nameof(KVM.KVM_IRQ_LINE));
    }

    public override bool SendMsi(MsiMessage message)
    {
        EnsureChip();
        kvm_msi msi = new() { address_lo = (uint)message.Address, address_hi = (uint)(message.Address >> 32), data = message.Data };

        // More than 0: delivered; 0: the guest blocks it; -1 without an errno of its own: no vCPU has the destination.
        int result = _partition.TryControl(KVM.KVM_SIGNAL_MSI, ref msi, out int error);
        return result >= 0 || error is LibC.EPERM ? result > 0 : throw KvmError.FromErrno(nameof(KVM.KVM_SIGNAL_MSI), error);
    }

    public override void SetInterruptRoutes(ReadOnlySpan<InterruptRoute> routes)
    {
        EnsureChip();
        _routing.SetLines(routes);
    }

    public override HostEvent CreateLineTrigger(int line, bool levelTriggered, out HostEvent? acknowledged)
    {
        EnsureChip();
        EventFd? resample = levelTriggered ? new EventFd() : null;
        acknowledged = resample;
        try
        {
            return Connect(new EventFd(), line, resample);
        }
        catch
        {
            resample?.Dispose();
            throw;
        }
    }

    public override HostEvent CreateMsiTrigger(MsiMessage message)
    {
        EnsureChip();
        int line = _routing.Add(message);
        try
        {
            return Connect(new EventFd { MessageLine = line }, line, null);
        }
        catch
        {
            _routing.Remove(line);
            throw;
        }
    }

    public override void UpdateTrigger(HostEvent trigger, MsiMessage message)
    {
        int line = ((EventFd)trigger).MessageLine;
        if (line < 0)
        {
            throw new InvalidOperationException("The trigger belongs to a line; only a trigger for a message can be given another.");
        }

        _routing.Update(line, message);
    }

    private EventFd Connect(EventFd trigger, int line, EventFd? resample)
    {
        try
        {
            SetTrigger(trigger, line, resample is null ? 0 : KVM.KVM_IRQFD_FLAG_RESAMPLE, resample);
            trigger.Unregister = e => Disconnect(e, line);
            return trigger;
        }
        catch
        {
            trigger.Dispose();
            throw;
        }
    }

    private void Disconnect(EventFd trigger, int line)
    {
        SetTrigger(trigger, line, KVM.KVM_IRQFD_FLAG_DEASSIGN, null);
        if (trigger.MessageLine >= 0)
        {
            _routing.Remove(trigger.MessageLine);
        }
    }

    private void SetTrigger(EventFd trigger, int line, uint flags, EventFd? resample)
    {
        kvm_irqfd irqfd = new()
        {
            fd = (uint)trigger.Descriptor.Number,
            gsi = (uint)line,
            flags = flags,
            resamplefd = (uint)(resample?.Descriptor.Number ?? 0),
        };
        _partition.Control(KVM.KVM_IRQFD, ref irqfd, nameof(KVM.KVM_IRQFD));
    }

    private KvmPartitionState.Chips ChipOrNull()
    {
        EnsureChip();
        return new(_options.InterruptController == InterruptControllerMode.Full, _options.X64.TimerChip);
    }

    private void EnsureChip()
    {
        if (Volatile.Read(ref _chipExists))
        {
            return;
        }

        lock (_chipGate)
        {
            if (!_chipExists)
            {
                CreateChip();
                Volatile.Write(ref _chipExists, true);
            }
        }
    }

    private void CreateChip()
    {
        if (_host.HasIdentityMapAddress)
        {
            ulong address = IdentityMapAddress;
            _partition.Control(KVM.KVM_SET_IDENTITY_MAP_ADDR, ref address, nameof(KVM.KVM_SET_IDENTITY_MAP_ADDR));
        }

        if (_host.HasTaskStateAddress)
        {
            _partition.Control(KVM.KVM_SET_TSS_ADDR, s_taskStateAddress, nameof(KVM.KVM_SET_TSS_ADDR));
        }

        if (_options.InterruptController == InterruptControllerMode.PerVcpu)
        {
            _partition.EnableCapability(KVM.KVM_CAP_SPLIT_IRQCHIP, KVM.KVM_IOAPIC_NUM_PINS, nameof(KVM.KVM_CAP_SPLIT_IRQCHIP));
        }
        else if (_options.InterruptController == InterruptControllerMode.Full)
        {
            _partition.Control(KVM.KVM_CREATE_IRQCHIP, 0, nameof(KVM.KVM_CREATE_IRQCHIP));
            if (_options.X64.TimerChip)
            {
                // The speaker's port 0x61 goes to the kernel too: guests time themselves by it.
                kvm_pit_config pit = new() { flags = KVM.KVM_PIT_SPEAKER_DUMMY };
                _partition.Control(KVM.KVM_CREATE_PIT2, ref pit, nameof(KVM.KVM_CREATE_PIT2));
            }
        }
    }
}
