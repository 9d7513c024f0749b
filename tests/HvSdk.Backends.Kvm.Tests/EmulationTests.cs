using HvSdk.Live;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Backends.Kvm.Tests;

/// <summary>
/// Instructions that this machine's KVM may give up on, completed by the emulator (<see cref="KvmBackendOptions.EmulateFailedInstructions"/>). A KVM that can do
/// them itself must give the same.
/// </summary>
public sealed class EmulationTests
{
    private const ulong Buffer = 0x2_0000;
    private const byte HandlerPort = 0x80;
    private const byte NextPort = 0x81;

    private static readonly KvmBackend s_backend = new(new KvmBackendOptions { EmulateFailedInstructions = true });

    [Fact]
    public void CmpXchg16B_AtCpl0_Executes()
    {
        using TestMachine machine = NewMachine(GuestProgram.LongMode(static a => Exchange(a, Buffer)));

        machine.Run(VcpuExitKind.Halt);

        Assert.Equal((1UL, 2UL), (machine.Memory.Read<ulong>(Buffer), machine.Memory.Read<ulong>(Buffer + 8)));
    }

    [Fact]
    public void CmpXchg16B_AtCpl0_IsInTheDirtyPages()
    {
        using TestMachine machine = NewMachine(GuestProgram.LongMode(static a => Exchange(a, Buffer)));
        _ = machine.Vcpu;
        machine.Ram.StartDirtyTracking();

        machine.Run(VcpuExitKind.Halt);

        ulong[] pages = new ulong[DirtyPageBitmap.WordsFor(machine.Ram.Size, 4096)];
        machine.Ram.CollectDirtyPages(pages);
        Assert.True(DirtyPageBitmap.Contains(pages, (int)(Buffer / 4096)), "The page that was written is not in the bitmap.");
        machine.Ram.CollectDirtyPages(pages);
        Assert.False(DirtyPageBitmap.Contains(pages, (int)(Buffer / 4096)), "The page is in the next bitmap as well.");
    }

    [Fact]
    public void CmpXchg16B_OnDevice_ReadsAndThenWritesOnce()
    {
        using TestMachine machine = NewMachine(GuestProgram.LongMode(static a => Exchange(a, TestMachine.DeviceAddress)));

        List<(VcpuExitKind Kind, ulong Offset, ulong Value)> seen = RunToHalt(machine, static _ => { });

        // KVM may have read before it gave up.
        Assert.Equal([(VcpuExitKind.MmioRead, 0, 0), (VcpuExitKind.MmioRead, 8, 0)], seen[..2]);
        Assert.Equal([(VcpuExitKind.MmioWrite, 0, 1), (VcpuExitKind.MmioWrite, 8, 2)], seen.FindAll(static access => access.Kind == VcpuExitKind.MmioWrite));
        Assert.Equal([(VcpuExitKind.MmioWrite, 0, 1), (VcpuExitKind.MmioWrite, 8, 2)], seen[^2..]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void CmpXchg16B_RipMovedAtOneOfItsReads_IsGivenUp(int at)
    {
        GuestProgram program = GuestProgram.LongMode(static (a, marks) => Exchange(a, TestMachine.DeviceAddress, marks));
        using TestMachine machine = NewMachine(program);
        int reads = 0;

        List<(VcpuExitKind Kind, ulong Offset, ulong Value)> seen = RunToHalt(machine, machine =>
        {
            if (++reads == at)
            {
                machine.Registers = machine.Registers with { Rip = program.Symbols["halt"] };
            }
        });

        // A KVM that reads only once has fewer reads to move RIP at.
        Assert.True(reads < at || !seen.Exists(static access => access.Kind == VcpuExitKind.MmioWrite), "The instruction wrote after it was given up.");
    }

    [Fact]
    public void CmpXchg16B_CancelledAtItsRead_CompletesFirst()
    {
        using TestMachine machine = NewMachine(GuestProgram.LongMode(static a => Exchange(a, TestMachine.DeviceAddress)));
        Assert.Equal(VcpuExitKind.MmioRead, machine.RunOnce().Kind);
        machine.Vcpu.Cancel();

        var kinds = new List<VcpuExitKind>();
        do
        {
            kinds.Add(machine.RunOnce().Kind);
        }
        while (kinds[^1] != VcpuExitKind.Halt && kinds.Count < 10);

        Assert.Single(kinds, VcpuExitKind.Canceled);
        Assert.Equal(VcpuExitKind.Halt, kinds[^1]);
    }

    [Fact]
    public void Int3_WithHandlerAtCpl0_ComesBackByIret()
    {
        // Meets a breakpoint and writes to a port; the handler writes to another first, and returns.
        using TestMachine machine = NewMachine(GuestProgram.LongMode(static (a, marks) =>
        {
            a.int3();
            a.@out(NextPort, al);
            a.hlt();

            marks.Handler(3);
            a.@out(HandlerPort, al);
            a.iretq();
        }));

        Assert.Equal(HandlerPort, machine.RunOnce(VcpuExitKind.PortWrite).Port);
        Assert.Equal(NextPort, machine.RunOnce(VcpuExitKind.PortWrite).Port);
        machine.RunOnce(VcpuExitKind.Halt);
    }

    [Fact]
    public void Xgetbv_AtCpl0_GivesXcr0()
    {
        // Switches XSAVE on, reads XCR0 and stores its low half.
        using TestMachine machine = NewMachine(GuestProgram.LongMode(static a =>
        {
            a.mov(rax, cr4);
            a.or(eax, (int)X64Cr4.OsXsave);
            a.mov(cr4, rax);
            a.xor(ecx, ecx);
            a.xgetbv();
            a.mov(edi, (uint)Buffer);
            a.mov(__dword_ptr[rdi], eax);
            a.hlt();
        }));

        machine.Run(VcpuExitKind.Halt);

        Assert.Equal(1U, machine.Memory.Read<uint>(Buffer));
    }

    [Fact]
    public void Fetch_FromDevice_IsEmulationFailureAllTheSame()
    {
        // Jumps to a place without memory.
        using TestMachine machine = NewMachine(GuestProgram.LongMode(static a =>
        {
            a.mov(eax, (uint)TestMachine.DeviceAddress);
            a.jmp(rax);
        }));

        machine.Run(VcpuExitKind.EmulationFailure);

        Assert.Equal(TestMachine.DeviceAddress, machine.Registers.Rip);
    }

    /// <summary>Runs to the HLT with a device that is all zeros. Returns its accesses; calls back at each read.</summary>
    private static List<(VcpuExitKind Kind, ulong Offset, ulong Value)> RunToHalt(TestMachine machine, Action<TestMachine> atRead)
    {
        var seen = new List<(VcpuExitKind, ulong, ulong)>();
        VcpuExit exit = machine.RunOnce();
        for (; exit.Kind is VcpuExitKind.MmioRead or VcpuExitKind.MmioWrite or VcpuExitKind.Canceled && seen.Count < 100; exit = machine.RunOnce())
        {
            if (exit.Kind == VcpuExitKind.MmioRead)
            {
                exit.Data.Clear();
                atRead(machine);
            }

            if (exit.Kind != VcpuExitKind.Canceled)
            {
                seen.Add((exit.Kind, exit.Address - TestMachine.DeviceAddress, BitConverter.ToUInt64(exit.Data)));
            }
        }

        Assert.Equal(VcpuExitKind.Halt, exit.Kind);
        return seen;
    }

    private static TestMachine NewMachine(GuestProgram program) => new(program, backend: s_backend);

    /// <summary>Compares 16 bytes with RDX:RAX = 0, and so puts RCX:RBX = 2:1 there where they are zeros.</summary>
    private static void Exchange(Assembler a, ulong address, GuestMarks? marks = null)
    {
        a.mov(edi, (uint)address);
        a.mov(ebx, 1);
        a.mov(ecx, 2);
        a.xor(eax, eax);
        a.xor(edx, edx);
        a.cmpxchg16b(__[rdi]);
        marks?.Symbol("halt");
        a.hlt();
    }
}
