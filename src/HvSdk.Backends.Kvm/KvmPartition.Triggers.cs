using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <content>Routes, triggers, and the moment at which the interrupt chip is made.</content>
internal abstract partial class KvmPartition
{
    private readonly KvmInterruptRouting _routing;
    private readonly object _chipGate = new();
    private bool _chipExists;

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
        Descriptor.Control(KVM.KVM_IRQFD, ref irqfd, nameof(KVM.KVM_IRQFD));
    }

    private protected void EnsureChip()
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

    /// <summary>Makes the interrupt chip, or what else there is to be made before the first vCPU.</summary>
    private protected abstract void CreateChip();
}
