using HvSdk.Buses;
using HvSdk.Live;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Guest programs for the architecture under test, and what their exits look like. Pieces of x86-64 use RDI as the address and DX as the port; the data are in RAX.</summary>
internal static class Guest
{
    /// <summary>Free RAM of the test machine.</summary>
    public const ulong Buffer = 0x2_0000;

    /// <summary>A write to this port says that a program is done, at levels where HLT is not allowed.</summary>
    public const byte DonePort = 0x80;

    /// <summary>
    /// Both privilege levels, the kernel's and the user's (CPL, or EL1 and EL0): hosts may run them in different ways, and one that emulates the kernel's level runs the other natively.
    /// </summary>
    public static TheoryData<int> Levels => [0, 3];

    /// <summary>The buses that guests of this architecture have.</summary>
    public static TheoryData<BusSpace> Spaces => IsX64 ? [BusSpace.Mmio, BusSpace.Ports] : [BusSpace.Mmio];

    public static bool IsX64 => LiveHypervisor.Architecture == GuestArchitecture.X64;

    /// <summary>The exit of a guest that reads the device's register, or asks the host.</summary>
    public static VcpuExitKind ReadExit => IsX64 ? VcpuExitKind.PortRead : VcpuExitKind.MmioRead;

    /// <summary>The exit of a guest that writes the device's register, or is done.</summary>
    public static VcpuExitKind WriteExit => IsX64 ? VcpuExitKind.PortWrite : VcpuExitKind.MmioWrite;

    /// <summary>The space of the places below.</summary>
    public static BusSpace DeviceSpace => IsX64 ? BusSpace.Ports : BusSpace.Mmio;

    /// <summary>Whether the host leaves when the guest waits for an interrupt. KVM of AArch64 waits itself (the divergence "wfi-exit").</summary>
    public static bool LeavesAtHalt => IsX64 || LiveHypervisor.Backend.Name != "KVM";

    /// <summary>The exit at which a program ends (<see cref="GuestCode.End"/>).</summary>
    public static VcpuExitKind EndExit => LeavesAtHalt ? VcpuExitKind.Halt : WriteExit;

    /// <summary>The instruction that ends a program: HLT, WFI, or a store to the host (strb w0, [x28]).</summary>
    public static byte[] EndInstruction => IsX64 ? [0xF4] : LeavesAtHalt ? [0x7F, 0x20, 0x03, 0xD5] : [0x80, 0x03, 0x00, 0x39];

    /// <summary>The instruction that does nothing.</summary>
    public static byte[] NopInstruction => IsX64 ? [0x90] : [0x1F, 0x20, 0x03, 0xD5];

    /// <summary>Where <see cref="GuestCode.In"/> and <see cref="GuestCode.Out"/> go.</summary>
    public static ulong DevicePlace => IsX64 ? TestMachine.DevicePort : Arm64Program.DevicePlace;

    /// <summary>Where <see cref="GuestCode.Done"/> and <see cref="GuestCode.Ask"/> go.</summary>
    public static ulong DonePlace => IsX64 ? DonePort : Arm64Program.HostPlace;

    /// <summary>The page of the host, of which memory is mapped in whole ones. Skips the test where there is no hypervisor.</summary>
    public static int PageSize => LiveHypervisor.Capabilities.PageSize;

    /// <summary>A program for the architecture under test.</summary>
    /// <param name="body">Writes the instructions.</param>
    /// <param name="level">The privilege level.</param>
    public static TestProgram Program(Action<GuestCode> body, int level = 0)
    {
        if (IsX64)
        {
            return GuestProgram.LongMode((a, marks) => body(new X64GuestCode(a, marks)), new GuestLayout { PrivilegeLevel = level });
        }

        // Assembled once for its symbols: the program wants them with its code.
        var code = new Arm64GuestCode(new Arm64Assembler(Arm64Program.DefaultLoadAddress));
        body(code);
        return new Arm64Program(a => body(new Arm64GuestCode(a)), code.Symbols, level);
    }

    /// <summary>Asks the host for ever.</summary>
    public static TestProgram Asker() => Program(static g =>
    {
        GuestLabel loop = g.MarkHere();
        g.Ask();
        g.Jump(loop);
    });

    /// <summary>The bus that <see cref="DevicePlace"/> and <see cref="DonePlace"/> lie on.</summary>
    public static DeviceBus DeviceBus(this Partition partition) => IsX64 ? partition.Ports : partition.Mmio;

    /// <summary>A doorbell at <see cref="DevicePlace"/>.</summary>
    public static DoorbellLocation DeviceDoorbell(int size = 0, ulong? value = null) => new(DeviceSpace, DevicePlace, size, value);

    /// <summary>Port or GPA of an access.</summary>
    public static ulong Place(this in VcpuExit exit) => exit.Kind is VcpuExitKind.PortRead or VcpuExitKind.PortWrite ? exit.Port : exit.Address;

    /// <summary>Whether an exit is that of <see cref="GuestCode.Done"/>.</summary>
    public static bool IsDone(this in VcpuExit exit) => exit.Kind == WriteExit && exit.Place() == DonePlace;

    /// <summary>Whether an exit is that of <see cref="GuestCode.End"/>.</summary>
    public static bool IsEnd(this in VcpuExit exit) => LeavesAtHalt ? exit.Kind == VcpuExitKind.Halt : exit.IsDone();

    /// <summary>Runs the guest with the buses to its end.</summary>
    public static void RunToEnd(this TestMachine machine)
    {
        if (LeavesAtHalt)
        {
            machine.Run(EndExit);
        }
        else
        {
            machine.RunToDone();
        }
    }

    /// <summary>The same, with no limit.</summary>
    /// <returns>How it ended.</returns>
    public static VcpuExitKind RunToEnd(this Vcpu vcpu)
    {
        var handler = default(StopAtDone);
        return LeavesAtHalt ? vcpu.Run(CancellationToken.None).Kind : vcpu.Run(ref handler, CancellationToken.None).Kind;
    }

    /// <summary>Runs the guest to its next exit, which must say that it is done.</summary>
    public static void RunOnceToDone(this TestMachine machine) => Assert.Equal(DonePlace, machine.RunOnce(WriteExit).Place());

    /// <summary>Runs the guest with the buses until it is done.</summary>
    public static void RunToDone(this TestMachine machine)
    {
        var handler = default(StopAtDone);
        machine.Run(ref handler, WriteExit);
    }

    /// <summary>A long-mode program of a privilege level.</summary>
    public static GuestProgram Long(int privilegeLevel, Action<Assembler> body) =>
        GuestProgram.LongMode(body, new GuestLayout { PrivilegeLevel = privilegeLevel });

    public static void Done(this Assembler a) => a.@out(DonePort, al);

    public static void Out(this Assembler a, int size) => Choose(size, () => a.@out(dx, al), () => a.@out(dx, ax), () => a.@out(dx, eax));

    public static void In(this Assembler a, int size) => Choose(size, () => a.@in(al, dx), () => a.@in(ax, dx), () => a.@in(eax, dx));

    public static void RepOuts(this Assembler a, int size) => Choose(size, () => a.rep.outsb(), () => a.rep.outsw(), () => a.rep.outsd());

    public static void RepIns(this Assembler a, int size) => Choose(size, () => a.rep.insb(), () => a.rep.insw(), () => a.rep.insd());

    /// <summary>RAX, or its low part, to [RDI + displacement].</summary>
    public static void Store(this Assembler a, int size, long displacement = 0)
    {
        AssemblerMemoryOperand target = __[rdi + displacement];
        Choose(size, () => a.mov(target, al), () => a.mov(target, ax), () => a.mov(target, eax), () => a.mov(target, rax));
    }

    /// <summary>[RDI + displacement] to RAX, or to its low part.</summary>
    public static void Load(this Assembler a, int size, long displacement = 0)
    {
        AssemblerMemoryOperand source = __[rdi + displacement];
        Choose(size, () => a.mov(al, source), () => a.mov(ax, source), () => a.mov(eax, source), () => a.mov(rax, source));
    }

    /// <summary>The low bytes of a value.</summary>
    public static ulong Low(ulong value, int size) => size == 8 ? value : value & ((1UL << (size * 8)) - 1);

    /// <summary>What a register holds after a load of its low part. On x86-64 8- and 16-bit loads keep the rest and 32-bit loads clear it; on AArch64 all clear it.</summary>
    public static ulong Merge(ulong before, ulong value, int size) =>
        size >= 4 || !IsX64 ? Low(value, size) : (before & ~Low(ulong.MaxValue, size)) | Low(value, size);

    private static void Choose(int size, Action one, Action two, Action four, Action? eight = null)
    {
        Action? chosen = size switch { 1 => one, 2 => two, 4 => four, 8 => eight, _ => null };
        (chosen ?? throw new ArgumentOutOfRangeException(nameof(size), size, "The instruction has no such operand size."))();
    }
}
