using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Emulation.Tests;

/// <summary>Call gates of IA-32e mode: 16 bytes, always to 64-bit code, with frames of 8 bytes whatever the caller is (Intel SDM vol. 3A, 5.8.3.1 and 5.8.5.1).</summary>
public sealed class CallGateTests
{
    private const ushort GateSelector = 0x38;
    private const ushort CompatibilityCode = 0x48;
    private const ulong Gate = GuestLayout.DefaultGdtAddress + GateSelector;
    private const ulong Caller = 0x2000;
    private const ulong Service = 0x3000;
    private const ulong PresentCallGate = 0x8CUL << 40;
    private const ulong Level3 = 3UL << 45;

    /// <summary>A caller of 32-bit or 64-bit code at 0x2000, and a gate for all that leads to a service of a level at 0x3000.</summary>
    private static TestBoard Board(bool compatibility, int level, ulong offset = Service, ushort target = GuestSelectors.KernelCode, int limit = 0x57)
    {
        var board = new TestBoard(GuestProgram.LongMode(a => a.nop(), new() { PrivilegeLevel = level }), new() { DeliverExceptions = false });
        board.Write(Gate, 8, (offset & 0xFFFF) | ((ulong)target << 16) | PresentCallGate | Level3 | ((offset >> 16 & 0xFFFF) << 48));
        board.Write(Gate + 8, 8, offset >> 32);

        // Code of 32 bits: base 0, 4 GiB, readable, of the caller's level.
        ulong descriptor = 0x00CF_9B00_0000_FFFF | ((ulong)level << 45);
        board.Write(GuestLayout.DefaultGdtAddress + CompatibilityCode, 8, descriptor);
        X64SpecialRegisters special = board.State.SpecialRegisters;
        X64Segment code = compatibility
            ? special.Cs with { Selector = (ushort)(CompatibilityCode | level), IsLong = false, IsDefault32 = true, Limit = uint.MaxValue, IsGranular = true }
            : special.Cs;
        X64Segment stack = special.Ss with { Limit = uint.MaxValue, IsDefault32 = true, IsGranular = true };
        board.State.SpecialRegisters = special with { Cs = code, Ss = stack, Gdt = special.Gdt with { Limit = (ushort)limit } };
        board.Registers = board.Registers with { Rip = Caller };

        // call far 38h:0, of 32 bits; 64-bit code has only the form by memory.
        byte[] call = compatibility ? [0x9A, 0, 0, 0, 0, GateSelector | 3, 0] : [0xFF, 0x1C, 0x25, 0x00, 0x40, 0, 0];
        call.CopyTo(board.Ram.AsSpan((int)Caller));
        board.Write(0x4000, 8, (ulong)(GateSelector | 3) << 32);
        return board;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Call_ToAnInnerLevel_FrameOf64BitsOnTheStackOfTheTss(bool compatibility)
    {
        TestBoard board = Board(compatibility, level: 3);
        X64SpecialRegisters before = board.State.SpecialRegisters;
        ulong pointer = board.Registers.Rsp;

        Assert.Equal(X64EmulationResult.LimitReached, board.Step());

        X64SpecialRegisters after = board.State.SpecialRegisters;
        Assert.Equal(Service, board.Registers.Rip);
        Assert.Equal((GuestSelectors.KernelCode, true), (after.Cs.Selector, after.Cs.IsLong));
        Assert.Equal((0, true), (after.Ss.Selector, after.Ss.IsUnusable));
        ulong top = GuestLayout.DefaultInterruptStackTop;
        Assert.Equal(top - 32, board.Registers.Rsp);
        Assert.Equal(
            [Caller + 7, before.Cs.Selector, pointer, before.Ss.Selector],
            Enumerable.Range(0, 4).Select(i => board.Read(top - 32 + ((ulong)i * 8), 8)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Call_ThenReturn_CallerGoesOnWhereItWas(bool compatibility)
    {
        TestBoard board = Board(compatibility, level: 3);
        new byte[] { 0x48, 0xCB }.CopyTo(board.Ram.AsSpan((int)Service)); // retfq
        X64SpecialRegisters before = board.State.SpecialRegisters;
        ulong pointer = board.Registers.Rsp;

        Assert.Equal(X64EmulationResult.LimitReached, board.Step(2));

        X64SpecialRegisters after = board.State.SpecialRegisters;
        Assert.Equal((Caller + 7, pointer), (board.Registers.Rip, board.Registers.Rsp));
        Assert.Equal(before.Cs.Selector, after.Cs.Selector);
        Assert.Equal(before.Cs.IsLong, after.Cs.IsLong);
        Assert.Equal((before.Ss.Selector, (byte)3), (after.Ss.Selector, after.Ss.PrivilegeLevel));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Call_AtTheSameLevel_TwoSlotsOf64BitsOnTheSameStack(bool compatibility)
    {
        TestBoard board = Board(compatibility, level: 0);
        X64SpecialRegisters before = board.State.SpecialRegisters;
        ulong pointer = board.Registers.Rsp;

        Assert.Equal(X64EmulationResult.LimitReached, board.Step());

        Assert.Equal((Service, pointer - 16), (board.Registers.Rip, board.Registers.Rsp));
        Assert.Equal(Caller + 7, board.Read(pointer - 16, 8));
        Assert.Equal(before.Cs.Selector, board.Read(pointer - 8, 8));
        Assert.True(board.State.SpecialRegisters.Cs.IsLong);
        Assert.Equal(before.Ss, board.State.SpecialRegisters.Ss);
    }

    [Fact]
    public void Jump_FromCompatibilityMode_Is64BitCodeWithoutAFrame()
    {
        TestBoard board = Board(compatibility: true, level: 0);
        board.Write(Caller, 1, 0xEA);
        ulong pointer = board.Registers.Rsp;

        Assert.Equal(X64EmulationResult.LimitReached, board.Step());

        Assert.Equal((Service, pointer), (board.Registers.Rip, board.Registers.Rsp));
        Assert.True(board.State.SpecialRegisters.Cs.IsLong);
    }

    [Fact]
    public void Call_StackInADevice_IsDoneOncePerSlot()
    {
        TestBoard board = Board(compatibility: true, level: 3);
        board.Write(GuestLayout.DefaultTssAddress + 4, 8, 0x80_0100);
        ulong pointer = board.Registers.Rsp;

        Assert.Equal(X64EmulationResult.LimitReached, board.Run(1));

        Assert.Equal(
            ["mmio 8000F8 <- 1B/8", $"mmio 8000F0 <- {pointer:X}/8", "mmio 8000E8 <- 4B/8", $"mmio 8000E0 <- {Caller + 7:X}/8"], board.Accesses);
        Assert.Equal((Service, 0x80_00E0UL), (board.Registers.Rip, board.Registers.Rsp));
    }

    public static TheoryData<string, int, uint> Refused => new()
    {
        { "type in the upper half", 13, GateSelector },
        { "upper half behind the table", 13, GateSelector },
        { "gate of a level below the caller's", 13, GateSelector },
        { "gate not present", 11, GateSelector },
        { "32-bit code behind it", 13, CompatibilityCode },
        { "no code behind it", 13, 0 },
        { "offset that is not canonical", 13, 0 },
        { "stack pointer that is not canonical", 12, 0 },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Call_ThatIsRefused_FaultsAndChangesNothing(string what, int vector, uint errorCode)
    {
        TestBoard board = what switch
        {
            "upper half behind the table" => Board(true, 3, limit: 0x3F),
            "32-bit code behind it" => Board(true, 3, target: CompatibilityCode),
            "no code behind it" => Board(true, 3, target: 0),
            "offset that is not canonical" => Board(true, 3, offset: 0x8000_0000_0000),
            _ => Board(true, 3),
        };
        ulong gate = board.Read(Gate, 8);
        switch (what)
        {
            case "type in the upper half":
                board.Write(Gate + 8, 8, 1UL << 40);
                break;
            case "gate of a level below the caller's":
                board.Write(Gate, 8, gate & ~Level3);
                break;
            case "gate not present":
                board.Write(Gate, 8, gate & ~(1UL << 47));
                break;
            case "stack pointer that is not canonical":
                board.Write(GuestLayout.DefaultTssAddress + 4, 8, 0x8000_0000_0000);
                break;
            default:
                break;
        }

        X64Registers registers = board.Registers;
        X64SpecialRegisters special = board.State.SpecialRegisters;
        byte[] ram = [.. board.Ram.AsSpan(0, 0x1_0000)];

        Assert.Equal(X64EmulationResult.Exception, board.Step());

        Assert.Equal((vector, errorCode), (board.Emulator.Exception.Vector, board.Emulator.Exception.ErrorCode));
        Assert.Equal(registers, board.Registers);
        Assert.Equal(special, board.State.SpecialRegisters);
        Assert.True(ram.AsSpan().SequenceEqual(board.Ram.AsSpan(0, ram.Length)), "The call that was refused has written memory.");
    }
}
