using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>All dirty rings of a partition. A vCPU's thread that found its ring full and a caller who collects pages meet here.</summary>
internal sealed class KvmDirtyRings
{
    private readonly SafeFd _partition;
    private readonly KvmMemory _memory;
    private readonly int _entries;
    private readonly List<KvmDirtyRing> _rings = [];

    internal KvmDirtyRings(SafeFd partition, KvmMemory memory, int entries)
    {
        _partition = partition;
        _memory = memory;
        _entries = entries;
    }

    internal KvmDirtyRing Add(SafeFd vcpu)
    {
        var ring = new KvmDirtyRing(vcpu, _entries);
        lock (_rings)
        {
            _rings.Add(ring);
        }

        return ring;
    }

    internal void Remove(KvmDirtyRing ring)
    {
        lock (_rings)
        {
            // What it still holds would be lost with it.
            ring.Harvest(_memory);
            _rings.Remove(ring);
            ring.Dispose();
        }
    }

    /// <summary>Empties the rings.</summary>
    /// <returns>True where something was in them.</returns>
    internal bool Harvest()
    {
        lock (_rings)
        {
            return HarvestLocked();
        }
    }

    internal void Collect(KvmSlot slot, Span<ulong> bitmap)
    {
        lock (_rings)
        {
            HarvestLocked();
            ulong[] pages = slot.RingPages!;
            pages.CopyTo(bitmap);
            Array.Clear(pages);
        }
    }

    private bool HarvestLocked()
    {
        bool any = false;
        foreach (KvmDirtyRing ring in _rings)
        {
            any |= ring.Harvest(_memory);
        }

        if (any)
        {
            // Since Linux 6.16 a signal interrupts this, and the runtime uses signals; the call takes up where it was.
            while (_partition.TryControl(KVM.KVM_RESET_DIRTY_RINGS, 0, out int error) < 0)
            {
                if (error != LibC.EINTR)
                {
                    throw KvmError.FromErrno(nameof(KVM.KVM_RESET_DIRTY_RINGS), error);
                }
            }
        }

        return any;
    }
}
