using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>Instructions that leave for what is in registers: RDMSR, WRMSR, CPUID, hypercalls.</summary>
internal sealed unsafe partial class WhpVcpu
{
    /// <summary>The byte after the data tells that an access to a system register is refused.</summary>
    private const int FaultOffset = 32;

    private bool TryDecodeMsr(out VcpuExit exit)
    {
        ref WHV_X64_MSR_ACCESS_CONTEXT access = ref _exit->MsrAccess;
        bool isWrite = access.AccessInfo.IsWrite != 0;
        X64PartitionOptions options = _partition.Options.X64;
        if (!options.ExitOnUnknownMsr
            && !WhpMsrExits.Find(options.MsrExits, access.MsrNumber).HasFlag(isWrite ? X64MsrAccess.Write : X64MsrAccess.Read))
        {
            // Nobody has asked for this one: the guest gets what it would without the exits.
            _x64.RaiseGeneralProtection();
            exit = default;
            return false;
        }

        *(ulong*)_data = isWrite ? (uint)access.Rax | (access.Rdx << 32) : 0;
        _data[FaultOffset] = 0;
        _dataLength = sizeof(ulong);
        _pending = isWrite ? WhpAccess.WriteMsr : WhpAccess.ReadMsr;
        exit = ExitFactory.Register(isWrite, access.MsrNumber, new Span<byte>(_data, sizeof(ulong)), new Span<byte>(_data + FaultOffset, 1));
        return true;
    }

    private void CompleteMsr(bool isRead)
    {
        if (_data[FaultOffset] != 0)
        {
            _x64.RaiseGeneralProtection();
        }
        else if (isRead)
        {
            ulong value = *(ulong*)_data;
            Advance((WHV_REGISTER_NAME.WHvX64RegisterRax, (uint)value), (WHV_REGISTER_NAME.WHvX64RegisterRdx, value >> 32));
        }
        else
        {
            Advance();
        }
    }

    private void AnswerCpuid()
    {
        ref WHV_X64_CPUID_ACCESS_CONTEXT access = ref _exit->CpuidAccess;
        uint leaf = (uint)access.Rax;
        uint subleaf = (uint)access.Rcx;
        WHV_CPUID_OUTPUT mask = WhpCpuid.MaskOf(leaf, subleaf);
        X64CpuidEntry entry = default;
        if (_partition.Cpuid is null || !_partition.Cpuid.TryGet(leaf, subleaf, out entry))
        {
            entry = default;
        }

        Advance(
            (WHV_REGISTER_NAME.WHvX64RegisterRax, Mix(entry.Eax, access.DefaultResultRax, mask.Eax)),
            (WHV_REGISTER_NAME.WHvX64RegisterRbx, Mix(entry.Ebx, access.DefaultResultRbx, mask.Ebx)),
            (WHV_REGISTER_NAME.WHvX64RegisterRcx, Mix(entry.Ecx, access.DefaultResultRcx, mask.Ecx)),
            (WHV_REGISTER_NAME.WHvX64RegisterRdx, Mix(entry.Edx, access.DefaultResultRdx, mask.Edx)));

        static ulong Mix(uint table, ulong platform, uint mask) => (table & mask) | ((uint)platform & ~mask);
    }

    private const int ArgumentCount = 6;

    /// <summary>Number and arguments as KVM's guests give them too (Documentation/virt/kvm/x86/hypercalls.rst), and R8 for those of Hyper-V.</summary>
    private void DecodeHypercall(out VcpuExit exit)
    {
        ref WHV_HYPERCALL_CONTEXT call = ref _exit->Hypercall;
        var arguments = new Span<ulong>(_data + sizeof(ulong), ArgumentCount);
        arguments[0] = call.Rbx;
        arguments[1] = call.Rcx;
        arguments[2] = call.Rdx;
        arguments[3] = call.Rsi;
        arguments[4] = call.Rdi;
        arguments[5] = call.R8;
        *(ulong*)_data = 0;
        _dataLength = sizeof(ulong);
        _pending = WhpAccess.Hypercall;
        exit = ExitFactory.Hypercall(
            call.Rax, new Span<byte>(_data, sizeof(ulong)), new ReadOnlySpan<byte>(_data + sizeof(ulong), ArgumentCount * sizeof(ulong)));
    }
}
