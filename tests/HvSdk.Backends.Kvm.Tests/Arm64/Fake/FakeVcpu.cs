using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;
using kvm_guest_debug = HvSdk.Backends.Kvm.Interop.Arm64.kvm_guest_debug;
using kvm_run = HvSdk.Backends.Kvm.Interop.Arm64.kvm_run;

namespace HvSdk.Backends.Kvm.Tests.Arm64;

/// <summary>A vCPU of a <see cref="FakeMachine"/>: registers as they are written, and runs that end as scripted.</summary>
internal sealed unsafe class FakeVcpu
{
    internal const uint Target = 5;

    private const uint CounterRead = 0xD53B_E000; // mrs x0, cntfrq_el0: the guest by which the backend learns the frequency
    private const ulong WhereItStores = 0x4000_0000;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly FakeMachine _machine;
    private nint _page;

    internal FakeVcpu(FakeMachine machine, int index)
    {
        _machine = machine;
        Index = index;
    }

    internal int Index { get; }

    internal kvm_run* Run => (kvm_run*)_page;

    /// <summary>The dirty ring, behind 64 pages.</summary>
    internal kvm_dirty_gfn* Ring => (kvm_dirty_gfn*)(_page + (64 * _machine.Kvm.PageSize));

    /// <summary>Bits of the features that KVM_ARM_VCPU_INIT was given, or null before it.</summary>
    internal uint? Features { get; private set; }

    internal Dictionary<ulong, UInt128> Registers { get; } = [];

    /// <summary>Registers that are refused, with their errno.</summary>
    internal Dictionary<ulong, int> Refused { get; } = [];

    /// <summary>Numbers of the registers written, in order.</summary>
    internal List<ulong> Written { get; } = [];

    internal List<kvm_guest_debug> Debug { get; } = [];

    internal uint PowerState { get; set; }

    /// <summary>The answers of MMIO reads that later runs have completed.</summary>
    internal List<ulong> Answers { get; } = [];

    internal int Runs { get; private set; }

    internal void Map(int descriptor)
    {
        _page = LibC.mmap(0, (nuint)((64 * _machine.Kvm.PageSize) + 65536), LibC.PROT_READ | LibC.PROT_WRITE, LibC.MAP_SHARED, descriptor, 0);
        Assert.NotEqual(-1, _page);
    }

    internal void Close() => Assert.Equal(0, LibC.munmap(_page, (nuint)((64 * _machine.Kvm.PageSize) + 65536)));

    internal ulong this[ulong id]
    {
        get => (ulong)Registers.GetValueOrDefault(id);
        set => Registers[id] = value;
    }

    internal int Control(uint request, nint argument)
    {
        switch (request)
        {
            case KVM_ARM64.KVM_ARM_VCPU_INIT:
                var init = (kvm_vcpu_init*)argument;
                Features = init->features[0];
                PowerState = (Features & (1U << KVM_ARM64.KVM_ARM_VCPU_POWER_OFF)) != 0 ? KVM_ARM64.KVM_MP_STATE_STOPPED : KVM.KVM_MP_STATE_RUNNABLE;
                return init->target == Target ? 0 : -LibC.EINVAL;
            case KVM_ARM64.KVM_GET_ONE_REG:
                return GetRegister((kvm_one_reg*)argument);
            case KVM_ARM64.KVM_SET_ONE_REG:
                return SetRegister((kvm_one_reg*)argument);
            case KVM_ARM64.KVM_GET_REG_LIST:
                return List((ulong*)argument);
            case KVM_ARM64.KVM_SET_GUEST_DEBUG:
                Debug.Add(*(kvm_guest_debug*)argument);
                return 0;
            case KVM.KVM_GET_MP_STATE:
                *(uint*)argument = PowerState;
                return 0;
            case KVM.KVM_SET_MP_STATE:
                PowerState = *(uint*)argument;
                return 0;
            case KVM.KVM_RUN:
                return Enter();
            default:
                return -LibC.ENOTTY;
        }
    }

    /// <summary>What a guest of Linux 6.1 has beside the core registers: some to be saved, and some that must not be.</summary>
    internal static Arm64SystemRegister[] Listed { get; } =
    [
        Arm64SystemRegister.MidrEl1, Arm64SystemRegister.MpidrEl1, Arm64SystemRegister.IdAa64Pfr0El1, Arm64SystemRegister.SctlrEl1, Arm64SystemRegister.Ttbr0El1, Arm64SystemRegister.VbarEl1,
        Arm64SystemRegister.CsselrEl1, Arm64SystemRegister.DbgBcrEl1(0), Arm64SystemRegister.TpidrEl0, Arm64SystemRegister.CntvCtlEl0, Arm64SystemRegister.CntvCvalEl0,
        Arm64SystemRegister.CntvctEl0, Arm64SystemRegister.Create(3, 4, 3, 0, 0) /* DACR32_EL2 */,
    ];

    private static ulong[] ListedIds { get; } =
    [
        KvmArm64RegisterIds.General(0), KvmArm64RegisterIds.Pc, KvmArm64RegisterIds.CacheSizeOf(0), .. Listed.Select(static register => KvmArm64RegisterIds.Of(register)),
    ];

    private int GetRegister(kvm_one_reg* one)
    {
        if (Features is null)
        {
            return -LibC.ENOEXEC;
        }

        if (Refused.TryGetValue(one->id, out int error))
        {
            return -error;
        }

        UInt128 value = Registers.GetValueOrDefault(one->id);
        new ReadOnlySpan<byte>(&value, SizeOf(one->id)).CopyTo(new Span<byte>((void*)one->addr, SizeOf(one->id)));
        return 0;
    }

    private int SetRegister(kvm_one_reg* one)
    {
        if (Refused.TryGetValue(one->id, out int error))
        {
            return -error;
        }

        UInt128 value = 0;
        new ReadOnlySpan<byte>((void*)one->addr, SizeOf(one->id)).CopyTo(new Span<byte>(&value, SizeOf(one->id)));
        Registers[one->id] = value;
        Written.Add(one->id);
        return 0;
    }

    private static int SizeOf(ulong id) => 1 << (int)((id & KVM_ARM64.KVM_REG_SIZE_MASK) >> 52);

    private static int List(ulong* list)
    {
        ulong room = list[0];
        list[0] = (ulong)ListedIds.Length;
        if (room < list[0])
        {
            return -LibC.E2BIG;
        }

        ListedIds.CopyTo(new Span<ulong>(list + 1, ListedIds.Length));
        return 0;
    }

    private int Enter()
    {
        Runs++;
        if (Run->exit_reason == KVM.KVM_EXIT_MMIO)
        {
            Complete();
        }

        Run->exit_reason = KVM.KVM_EXIT_UNKNOWN;
        if (Volatile.Read(ref Run->immediate_exit) != 0)
        {
            return -LibC.EINTR;
        }

        if (PowerState != KVM_ARM64.KVM_MP_STATE_STOPPED)
        {
            if (_machine.Slots.Values.Any(static slot => slot.guest_phys_addr == 0) && *(uint*)_machine.At(0) == CounterRead)
            {
                return Mmio(isWrite: true, WhereItStores, 8, (ulong)FakeKvm.Frequency);
            }

            if (Index == 0 && _machine.Kvm.Script.TryDequeue(out Func<FakeVcpu, int>? step))
            {
                return step(this);
            }
        }

        // Waits as a guest in a loop would run: until somebody wants it back.
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref Run->immediate_exit) != 0, s_limit), "Nobody has kicked a run whose script is at its end.");
        return -LibC.EINTR;
    }

    /// <summary>Every load is one of X5.</summary>
    private void Complete()
    {
        if (Run->mmio.is_write == 0)
        {
            Answers.Add(BitConverter.ToUInt64(Run->mmio.data));
            this[KvmArm64RegisterIds.General(5)] = Answers[^1];
        }

        this[KvmArm64RegisterIds.Pc] += 4;
    }

    /// <summary>Ends a run with an access.</summary>
    internal int Mmio(bool isWrite, ulong address, int length, ulong value = 0)
    {
        Run->exit_reason = KVM.KVM_EXIT_MMIO;
        Run->mmio = new() { phys_addr = address, len = (uint)length, is_write = isWrite ? (byte)1 : (byte)0 };
        BitConverter.TryWriteBytes(Run->mmio.data, value);
        return 0;
    }
}
