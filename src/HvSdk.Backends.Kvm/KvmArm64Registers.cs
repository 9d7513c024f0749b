using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;

namespace HvSdk.Backends.Kvm;

/// <summary>The registers of one vCPU, one ioctl each: arm64 has no call for all of them. On the vCPU's thread, or before it has one.</summary>
internal sealed unsafe class KvmArm64Registers(SafeFd vcpu, KvmGic? gic, ulong affinity) : IArm64AccessRegisters
{
    private const int InstructionSize = 4;

    public ulong StackPointer
    {
        get => Get(SelectedStackPointer());
        set => Set(SelectedStackPointer(), value);
    }

    internal ulong Pc
    {
        get => Get(Arm64Register.Pc);
        set => Set(Arm64Register.Pc, value);
    }

    public ulong GetGeneral(int index) => index == Arm64MmioAccess.ZeroRegister ? 0 : Get((Arm64Register)index);

    public void SetGeneral(int index, ulong value)
    {
        if (index != Arm64MmioAccess.ZeroRegister)
        {
            Set((Arm64Register)index, value);
        }
    }

    public UInt128 GetSimd(int index)
    {
        UInt128 value = default;
        kvm_one_reg one = new() { id = KvmArm64RegisterIds.Simd(index), addr = (ulong)&value }; // SAFETY: the kernel writes the 16 bytes that the number tells
        vcpu.Control(KVM_ARM64.KVM_GET_ONE_REG, ref one, nameof(KVM_ARM64.KVM_GET_ONE_REG));
        return value;
    }

    public void SetSimd(int index, UInt128 value)
    {
        kvm_one_reg one = new() { id = KvmArm64RegisterIds.Simd(index), addr = (ulong)&value }; // SAFETY: the kernel reads the 16 bytes that the number tells
        vcpu.Control(KVM_ARM64.KVM_SET_ONE_REG, ref one, nameof(KVM_ARM64.KVM_SET_ONE_REG));
    }

    public void Advance() => Pc = unchecked(Pc + InstructionSize);

    internal ulong Get(Arm64Register name) =>
        TryGet(KvmArm64RegisterIds.Of(name), out ulong value, out int error) ? value : throw Refused(nameof(KVM_ARM64.KVM_GET_ONE_REG), name, error);

    internal void Set(Arm64Register name, ulong value)
    {
        if (!TrySet(KvmArm64RegisterIds.Of(name), value, out int error))
        {
            throw Refused(nameof(KVM_ARM64.KVM_SET_ONE_REG), name, error);
        }
    }

    internal ulong Get(Arm64SystemRegister register) =>
        TryGet(register, out ulong value, out int error) ? value : throw Refused(nameof(KVM_ARM64.KVM_GET_ONE_REG), register, error);

    internal void Set(Arm64SystemRegister register, ulong value)
    {
        int error;
        if (gic is not null && KvmGic.IsInterface(register))
        {
            gic.TrySetInterface(affinity, register, value, out error);
        }
        else
        {
            TrySet(IdOf(register), value, out error);
        }

        if (error != 0)
        {
            throw Refused(nameof(KVM_ARM64.KVM_SET_ONE_REG), register, error);
        }
    }

    internal bool TryGet(Arm64SystemRegister register, out ulong value, out int error) => gic is not null && KvmGic.IsInterface(register)
        ? gic.TryGetInterface(affinity, register, out value, out error)
        : TryGet(IdOf(register), out value, out error);

    /// <summary>A register by the kernel's number; what has 32 bits is extended with zeroes.</summary>
    internal bool TryGet(ulong id, out ulong value, out int error)
    {
        ulong read = 0;
        kvm_one_reg one = new() { id = id, addr = (ulong)&read }; // SAFETY: the kernel writes as much as the number tells, 8 bytes at most here
        bool isRead = vcpu.TryControl(KVM_ARM64.KVM_GET_ONE_REG, ref one, out error) >= 0;
        value = read;
        return isRead;
    }

    /// <summary>The numbers of all registers that the vCPU has.</summary>
    internal ulong[] List()
    {
        // The first call fails and tells how many there are (api.rst, 4.84).
        kvm_reg_list header = default;
        if (vcpu.TryControl(KVM_ARM64.KVM_GET_REG_LIST, ref header, out int error) < 0 && error != LibC.E2BIG)
        {
            throw KvmError.FromErrno(nameof(KVM_ARM64.KVM_GET_REG_LIST), error);
        }

        ulong[] list = new ulong[header.n + 1];
        list[0] = header.n;
        vcpu.Control(KVM_ARM64.KVM_GET_REG_LIST, MemoryMarshal.AsBytes(list.AsSpan()), nameof(KVM_ARM64.KVM_GET_REG_LIST));
        return list[1..];
    }

    private static HypervisorException Refused(string operation, object register, int error)
    {
        HypervisorException e = KvmError.FromErrno(operation, error);
        string remedy = error == LibC.EBUSY ? "The kernel opens the GIC's registers only while no vCPU of the partition runs: stop them all first." : e.Remedy;
        return new(KvmError.BackendName, operation, error, $"{register}: {e.Reason}", remedy);
    }

    private Arm64SystemRegister SelectedStackPointer() =>
        (Get(Arm64Register.Pstate) & Arm64Pstate.ModeMask) == Arm64Pstate.El1h ? Arm64SystemRegister.SpEl1 : Arm64SystemRegister.SpEl0;

    private ulong IdOf(Arm64SystemRegister register) => register == KvmArm64RegisterIds.CacheSizeRegister
        ? KvmArm64RegisterIds.CacheSizeOf(Get(Arm64SystemRegister.CsselrEl1))
        : KvmArm64RegisterIds.Of(register);

    private bool TrySet(ulong id, ulong value, out int error)
    {
        kvm_one_reg one = new() { id = id, addr = (ulong)&value }; // SAFETY: the kernel reads as much as the number tells, 8 bytes at most here
        return vcpu.TryControl(KVM_ARM64.KVM_SET_ONE_REG, ref one, out error) >= 0;
    }
}
