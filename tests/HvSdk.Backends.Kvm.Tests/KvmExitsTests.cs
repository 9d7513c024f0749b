using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm.Tests;

/// <summary>The decoder over exit blocks made by hand: every number that a kernel can give, on any machine.</summary>
public sealed unsafe class KvmExitsTests : IDisposable
{
    private const int BlockSize = 3 * 4096;
    private const uint LastKnownReason = 39;
    private const uint FutureReason = 200;
    private const ulong AllBreakpoints = 0xF;

    private readonly kvm_run* _run = (kvm_run*)NativeMemory.AllocZeroed(BlockSize);

    public void Dispose() => NativeMemory.Free(_run);

    [Theory]
    [InlineData(KVM.KVM_EXIT_HLT, VcpuExitKind.Halt)]
    [InlineData(KVM.KVM_EXIT_IRQ_WINDOW_OPEN, VcpuExitKind.InterruptWindow)]
    [InlineData(KVM.KVM_EXIT_SHUTDOWN, VcpuExitKind.Shutdown)]
    [InlineData(KVM.KVM_EXIT_FAIL_ENTRY, VcpuExitKind.EntryFailure)]
    [InlineData(KVM.KVM_EXIT_INTR, VcpuExitKind.Canceled)]
    [InlineData(KVM.KVM_EXIT_SET_TPR, VcpuExitKind.TaskPriority)]
    [InlineData(KVM.KVM_EXIT_INTERNAL_ERROR, VcpuExitKind.HostFailure)]
    [InlineData(KVM.KVM_EXIT_SYSTEM_EVENT, VcpuExitKind.SystemEvent)]
    [InlineData(KVM.KVM_EXIT_IOAPIC_EOI, VcpuExitKind.EndOfInterrupt)]
    [InlineData(KVM.KVM_EXIT_DEBUG, VcpuExitKind.Debug)]
    public void Decode_ReasonWithMeaning_GivesItsKind(uint reason, VcpuExitKind expected)
    {
        _run->exit_reason = reason;

        KvmExits.Decode(_run, AllBreakpoints, out VcpuExit exit);

        Assert.Equal(expected, exit.Kind);
    }

    [Fact]
    public void Decode_EveryOtherReason_IsUnknownWithNumberAndData()
    {
        uint[] known =
        [
            KVM.KVM_EXIT_IO, KVM.KVM_EXIT_HYPERCALL, KVM.KVM_EXIT_DEBUG, KVM.KVM_EXIT_HLT, KVM.KVM_EXIT_MMIO, KVM.KVM_EXIT_IRQ_WINDOW_OPEN,
            KVM.KVM_EXIT_SHUTDOWN, KVM.KVM_EXIT_FAIL_ENTRY, KVM.KVM_EXIT_INTR, KVM.KVM_EXIT_SET_TPR, KVM.KVM_EXIT_INTERNAL_ERROR,
            KVM.KVM_EXIT_SYSTEM_EVENT, KVM.KVM_EXIT_IOAPIC_EOI, KVM.KVM_EXIT_X86_RDMSR, KVM.KVM_EXIT_X86_WRMSR,
        ];
        new Span<byte>((byte*)_run + kvm_run.ExitUnionOffset, kvm_run.ExitUnionSize).Fill(0xA5);
        foreach (uint reason in Enumerable.Range(0, (int)LastKnownReason + 1).Select(static x => (uint)x).Append(FutureReason).Except(known))
        {
            _run->exit_reason = reason;

            KvmExits.Decode(_run, AllBreakpoints, out VcpuExit exit);

            Assert.Equal(VcpuExitKind.Unknown, exit.Kind);
            Assert.Equal(reason, exit.RawReason);
            Assert.Equal(kvm_run.ExitUnionSize, exit.RawData.Length);
            Assert.Equal(0xA5, exit.RawData[0]);
        }
    }

    [Theory]
    [InlineData(1u, 1u)]
    [InlineData(2u, 1u)]
    [InlineData(4u, 1u)]
    [InlineData(2u, 5u)]
    public void Decode_PortAccess_GivesPortSizeCountAndTheBlocksBytes(uint size, uint count)
    {
        _run->exit_reason = KVM.KVM_EXIT_IO;
        _run->io = new kvm_run.Io { direction = (byte)KVM.KVM_EXIT_IO_OUT, size = (byte)size, port = 0x3F8, count = count, data_offset = 4096 };
        ((byte*)_run)[4096] = 0x77;

        KvmExits.Decode(_run, AllBreakpoints, out VcpuExit exit);

        Assert.Equal(VcpuExitKind.PortWrite, exit.Kind);
        Assert.Equal(0x3F8, exit.Port);
        Assert.Equal((int)size, exit.Size);
        Assert.Equal((int)count, exit.Count);
        Assert.Equal((int)(size * count), exit.Data.Length);
        Assert.Equal(0x77, exit.Data[0]);
    }

    [Theory]
    [InlineData(1u)]
    [InlineData(2u)]
    [InlineData(4u)]
    [InlineData(8u)]
    public void Decode_MmioRead_IsAnsweredInTheBlock(uint length)
    {
        _run->exit_reason = KVM.KVM_EXIT_MMIO;
        _run->mmio.phys_addr = 0xFED0_0000;
        _run->mmio.len = length;

        KvmExits.Decode(_run, AllBreakpoints, out VcpuExit exit);
        exit.SetValue(0x1122_3344_5566_7788);

        Assert.Equal(VcpuExitKind.MmioRead, exit.Kind);
        Assert.Equal(0xFED0_0000UL, exit.Address);
        Assert.Equal(0x88, _run->mmio.data[0]);
        Assert.Equal(length == 8 ? 0x11 : 0, _run->mmio.data[7]);
    }

    [Fact]
    public void Decode_MmioLongerThanTheBlock_IsCutToIt()
    {
        _run->exit_reason = KVM.KVM_EXIT_MMIO;
        _run->mmio.len = 4000;

        KvmExits.Decode(_run, AllBreakpoints, out VcpuExit exit);

        Assert.Equal(8, exit.Data.Length);
    }

    [Fact]
    public void Decode_MsrWrite_CanBeRefused()
    {
        _run->exit_reason = KVM.KVM_EXIT_X86_WRMSR;
        _run->msr.index = 0x4B56_4D00;
        _run->msr.data = 42;

        KvmExits.Decode(_run, AllBreakpoints, out VcpuExit exit);
        exit.Fault();

        Assert.Equal(VcpuExitKind.RegisterWrite, exit.Kind);
        Assert.Equal(0x4B56_4D00u, exit.RegisterIndex);
        Assert.Equal(42UL, exit.Value);
        Assert.Equal(1, _run->msr.error);
    }

    [Theory]
    [InlineData(KVM.KVM_SYSTEM_EVENT_SHUTDOWN, SystemEventKind.PowerOff)]
    [InlineData(KVM.KVM_SYSTEM_EVENT_RESET, SystemEventKind.Reset)]
    [InlineData(KVM.KVM_SYSTEM_EVENT_CRASH, SystemEventKind.Crash)]
    [InlineData(KVM.KVM_SYSTEM_EVENT_WAKEUP, SystemEventKind.Wakeup)]
    [InlineData(KVM.KVM_SYSTEM_EVENT_SUSPEND, SystemEventKind.Suspend)]
    [InlineData(77u, SystemEventKind.Unknown)]
    public void Decode_SystemEvent_GivesMeaningAndNumber(uint type, SystemEventKind expected)
    {
        _run->exit_reason = KVM.KVM_EXIT_SYSTEM_EVENT;
        _run->system_event.type = type;

        KvmExits.Decode(_run, AllBreakpoints, out VcpuExit exit);

        Assert.Equal(expected, exit.SystemEvent);
        Assert.Equal(type, exit.RawReason);
    }

    [Fact]
    public void Decode_EmulationFailureWithBytes_GivesTheInstruction()
    {
        _run->exit_reason = KVM.KVM_EXIT_INTERNAL_ERROR;
        _run->emulation_failure.suberror = KVM.KVM_INTERNAL_ERROR_EMULATION;
        _run->emulation_failure.ndata = 3;
        _run->emulation_failure.flags = KVM.KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
        _run->emulation_failure.insn_size = 200; // more than there is room for
        _run->emulation_failure.insn_bytes[0] = 0xCC;

        KvmExits.Decode(_run, AllBreakpoints, out VcpuExit exit);

        Assert.Equal(VcpuExitKind.EmulationFailure, exit.Kind);
        Assert.Equal(15, exit.InstructionBytes.Length);
        Assert.Equal(0xCC, exit.InstructionBytes[0]);
    }

    [Fact]
    public void Decode_EmulationFailureWithoutBytes_GivesNone()
    {
        _run->exit_reason = KVM.KVM_EXIT_INTERNAL_ERROR;
        _run->emulation_failure.suberror = KVM.KVM_INTERNAL_ERROR_EMULATION;

        KvmExits.Decode(_run, AllBreakpoints, out VcpuExit exit);

        Assert.Equal(VcpuExitKind.EmulationFailure, exit.Kind);
        Assert.True(exit.InstructionBytes.IsEmpty);
    }

    [Fact]
    public void Decode_Hypercall_GivesArgumentsAndTakesTheResult()
    {
        _run->exit_reason = KVM.KVM_EXIT_HYPERCALL;
        _run->hypercall.nr = 12;
        _run->hypercall.args[1] = 7;

        KvmExits.Decode(_run, AllBreakpoints, out VcpuExit exit);
        exit.SetValue(99);

        Assert.Equal(12UL, exit.HypercallNumber);
        Assert.Equal(7UL, MemoryMarshal.Cast<byte, ulong>(exit.RawData)[1]);
        Assert.Equal(99UL, _run->hypercall.ret);
    }

    [Theory]
    [InlineData(3u, 0UL, DebugCause.SoftwareBreakpoint, 0)]
    [InlineData(1u, 1UL << 14, DebugCause.SingleStep, 0)]
    [InlineData(1u, 4UL, DebugCause.HardwareBreakpoint, 2)]
    [InlineData(1u, 0UL, DebugCause.Unknown, 0)]
    public void Decode_Debug_TellsTheCause(uint exception, ulong dr6, DebugCause expected, int index)
    {
        _run->exit_reason = KVM.KVM_EXIT_DEBUG;
        _run->debug.arch = new kvm_debug_exit_arch { exception = exception, pc = 0x1234, dr6 = dr6 };

        KvmExits.Decode(_run, AllBreakpoints, out VcpuExit exit);

        Assert.Equal(expected, exit.DebugCause);
        Assert.Equal(0x1234UL, exit.Address);
        if (expected == DebugCause.HardwareBreakpoint)
        {
            Assert.Equal(index, exit.BreakpointIndex);
        }
    }

    [Fact]
    public void DecodeError_MemoryFault_GivesTheAddress()
    {
        _run->exit_reason = KVM.KVM_EXIT_MEMORY_FAULT;
        _run->memory_fault.gpa = 0x9000;

        KvmExits.DecodeError(_run, LibC.EFAULT, out VcpuExit exit);

        Assert.Equal(VcpuExitKind.MemoryFault, exit.Kind);
        Assert.Equal(0x9000UL, exit.Address);
    }

    [Theory]
    [InlineData(LibC.EFAULT)]
    [InlineData(LibC.EIO)]
    [InlineData(LibC.ENOMEM)]
    [InlineData(LibC.EINVAL)]
    public void DecodeError_AnyOther_IsAValueWithTheErrno(int errno)
    {
        KvmExits.DecodeError(_run, errno, out VcpuExit exit);

        Assert.Equal(VcpuExitKind.HostFailure, exit.Kind);
        Assert.Equal((uint)errno, exit.RawReason);
    }
}
