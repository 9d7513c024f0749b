using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;

namespace HvSdk.Backends.Kvm.Tests.Arm64;

/// <summary>
/// Plays the kernel's side of /dev/kvm on an arm64 machine: keeps what it is told as the kernel would, refuses what it is scripted to refuse, and ends each KVM_RUN as scripted.
/// Its descriptors are open files (memory files), so that they are mapped and closed like the kernel's.
/// </summary>
internal sealed unsafe class FakeKvm : IIoctl
{
    internal const int VcpuMappingSize = 8192;
    internal const long Frequency = 62_500_000;

    /// <summary>Room for a vCPU's pages and, behind 64 of the largest, its dirty ring.</summary>
    private const long FileSize = (64L * 65536) + (1 << 20);

    private readonly Lock _gate = new();
    private readonly Dictionary<int, object> _open = [];
    private readonly List<uint> _requests = [];

    public GuestArchitecture Architecture => GuestArchitecture.Arm64;

    public int PageSize { get; init; } = 4096;

    /// <summary>What KVM_CHECK_EXTENSION answers; all else is 0. As Linux 6.1 on a Neoverse N1, and the filter of calls of 6.4.</summary>
    internal Dictionary<uint, int> Capabilities { get; } = new()
    {
        [KVM.KVM_CAP_USER_MEMORY] = 1,
        [KVM.KVM_CAP_IMMEDIATE_EXIT] = 1,
        [KVM.KVM_CAP_MP_STATE] = 1,
        [KVM_ARM64.KVM_CAP_ONE_REG] = 1,
        [KVM_ARM64.KVM_CAP_ARM_PSCI_0_2] = 1,
        [KVM_ARM64.KVM_CAP_DEVICE_CTRL] = 1,
        [KVM_ARM64.KVM_CAP_ARM_VM_IPA_SIZE] = 48,
        [KVM_ARM64.KVM_CAP_ARM_IRQ_LINE_LAYOUT_2] = 1,
        [KVM_ARM64.KVM_CAP_ARM_NISV_TO_USER] = 1,
        [KVM_ARM64.KVM_CAP_GUEST_DEBUG_HW_BPS] = 6,
        [KVM_ARM64.KVM_CAP_GUEST_DEBUG_HW_WPS] = 4,
        [KVM.KVM_CAP_SET_GUEST_DEBUG] = 1,
        [KVM.KVM_CAP_MAX_VCPUS] = 512,
        [KVM.KVM_CAP_NR_MEMSLOTS] = 32767,
        [KVM.KVM_CAP_READONLY_MEM] = 1,
        [KVM.KVM_CAP_IRQFD] = 1,
        [KVM.KVM_CAP_IRQFD_RESAMPLE] = 1,
        [KVM.KVM_CAP_IOEVENTFD] = 1,
        [KVM.KVM_CAP_IOEVENTFD_ANY_LENGTH] = 1,
        [KVM.KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2] = 3,
    };

    /// <summary>A GICv3 can be made.</summary>
    internal bool HasGic { get; set; } = true;

    /// <summary>The GIC knows regions of redistributors.</summary>
    internal bool HasRegions { get; set; } = true;

    /// <summary>Calls can be let go.</summary>
    internal bool HasCallFilter { get; set; } = true;

    /// <summary>errno of opening the device, or 0.</summary>
    internal int OpenError { get; set; }

    /// <summary>Requests that are refused, with their errno; the count says how many times the request is let through before.</summary>
    internal Dictionary<uint, (int Error, int After)> Refusals { get; } = [];

    /// <summary>Writes of device attributes that are refused, by group and number.</summary>
    internal Dictionary<(uint Group, ulong Attribute), int> AttributeRefusals { get; } = [];

    /// <summary>What each partition's vCPU 0 does in its runs, in order: gives 0 or a negative errno. At their end runs wait for a kick.</summary>
    internal Queue<Func<FakeVcpu, int>> Script { get; } = [];

    internal List<FakeMachine> Machines { get; } = [];

    /// <summary>The newest partition.</summary>
    internal FakeMachine Machine => Machines[^1];

    /// <summary>Descriptors that the backend has not closed.</summary>
    internal int OpenCount
    {
        get
        {
            lock (_gate)
            {
                return _open.Count;
            }
        }
    }

    /// <summary>Each request once, in the order in which it was first made.</summary>
    internal uint[] Requests
    {
        get
        {
            lock (_gate)
            {
                return [.. _requests.Distinct()];
            }
        }
    }

    public int Open(string path) => OpenError != 0 ? -OpenError : NewFile(this, out _);

    public void Closing(int descriptor)
    {
        lock (_gate)
        {
            Assert.True(_open.Remove(descriptor, out object? owner), $"descriptor {descriptor} is closed twice");
            (owner as FakeVcpu)?.Close();
        }
    }

    public int Control(int descriptor, uint request, nint argument)
    {
        object owner;
        lock (_gate)
        {
            _requests.Add(request);
            owner = _open[descriptor];
            if (Refusals.TryGetValue(request, out (int Error, int After) refusal))
            {
                if (refusal.After == 0)
                {
                    return -refusal.Error;
                }

                Refusals[request] = refusal with { After = refusal.After - 1 };
            }
        }

        return owner switch
        {
            FakeKvm => ControlSystem(request, argument),
            FakeMachine machine => machine.Control(request, argument),
            FakeVcpu vcpu => vcpu.Control(request, argument),
            FakeGic gic => gic.Control(request, argument),
            _ => -LibC.ENOTTY,
        };
    }

    /// <summary>A new descriptor of an owner.</summary>
    internal int NewFile(object owner, out int descriptor)
    {
        // SAFETY: the literal ends with a zero byte.
        fixed (byte* name = "fake\0"u8)
        {
            descriptor = LibC.memfd_create(name, LibC.MFD_CLOEXEC);
        }

        Assert.True(descriptor >= 0, Marshal.GetLastPInvokeErrorMessage());
        using (var file = new Microsoft.Win32.SafeHandles.SafeFileHandle(descriptor, ownsHandle: false))
        {
            RandomAccess.SetLength(file, FileSize);
        }

        lock (_gate)
        {
            _open.Add(descriptor, owner);
        }

        return descriptor;
    }

    private int ControlSystem(uint request, nint argument)
    {
        switch (request)
        {
            case KVM.KVM_GET_API_VERSION:
                return (int)KVM.KVM_API_VERSION;
            case KVM.KVM_CHECK_EXTENSION:
                return Capabilities.GetValueOrDefault((uint)argument);
            case KVM.KVM_GET_VCPU_MMAP_SIZE:
                return VcpuMappingSize;
            case KVM.KVM_CREATE_VM:
                var machine = new FakeMachine(this, (int)argument);
                Machines.Add(machine);
                return NewFile(machine, out _);
            default:
                return -LibC.ENOTTY;
        }
    }
}
