using HvSdk.Testing;

namespace HvSdk.Emulation.Tests;

/// <summary>
/// Random bytes as code, in every mode, with random registers, segments and tables. Whatever it is, it ends in a result, asks the machine a bounded
/// number of things, and an instruction that was not done has changed nothing. HVSDK_LONG=1 makes it twenty times as many.
/// </summary>
public sealed class FuzzTests
{
    private const int Instructions = 64;
    private const int MaxAccesses = 100;

    /// <summary>An instruction counts 4096 rounds at most, each of two operands of two pages and of walks of five levels, read and marked; and three exceptions.</summary>
    private const long MaxCallsPerInstruction = (4096 * 4 * 22) + 4096;

    private static int Rounds => Environment.GetEnvironmentVariable("HVSDK_LONG") == "1" ? 8000 : 400;

    public static TheoryData<FuzzMode> Modes => [.. Enum.GetValues<FuzzMode>()];

    [Theory]
    [MemberData(nameof(Modes))]
    public void RandomCode_OfEachMode_EndsInAResultWithinBounds(FuzzMode mode)
    {
        for (int seed = 0; seed < Rounds; seed++)
        {
            TestBoard board = FuzzGuest.Create(mode, seed, deliver: (seed & 1) == 0);
            string name = $"{mode}, seed {seed}";
            for (int i = 0; i < Instructions; i++)
            {
                X64EmulationResult result = StepChecked(board, name);
                if (result != X64EmulationResult.LimitReached)
                {
                    break;
                }
            }
        }
    }

    /// <summary>One instruction with the accesses that it makes.</summary>
    private static X64EmulationResult StepChecked(TestBoard board, string name)
    {
        X64Registers before = board.Registers;
        X64SpecialRegisters special = board.State.SpecialRegisters;
        board.MachineCalls = 0;
        for (int accesses = 0; ; accesses++)
        {
            X64EmulationResult result = board.Step();
            Assert.True(board.MachineCalls <= MaxCallsPerInstruction, $"{name}: {board.MachineCalls} calls for one instruction at 0x{before.Rip:X}.");
            Assert.True(Enum.IsDefined(result), name);
            bool isTrapping = (before.Rflags & X64Flags.Trap) != 0; // what then leaves may be the trap behind the instruction
            if ((result is X64EmulationResult.Access or X64EmulationResult.Unsupported && !isTrapping) || (result == X64EmulationResult.Exception && !board.Emulator.Exception.IsTrap))
            {
                CheckUnchanged(board, before, special, $"{name}, {result}");
            }

            // Its rounds are accesses of their own.
            if (result != X64EmulationResult.Access || accesses == MaxAccesses)
            {
                board.Emulator.CancelAccess();
                return result;
            }

            Assert.InRange(board.Emulator.Access.Size, 1, 8);
            board.Answer();
        }
    }

    private static void CheckUnchanged(TestBoard board, in X64Registers before, in X64SpecialRegisters special, string name)
    {
        X64Registers after = board.Registers;
        string instruction = $"{name} at 0x{before.Rip:X}: {Convert.ToHexString(board.Ram.AsSpan((int)Math.Min(before.Rip, 0x3_0000), 15))}";
        Assert.True(before.Rip == after.Rip, instruction);
        if (before.Rcx != after.Rcx && before.Rsp == after.Rsp)
        {
            return; // a repeated string instruction, between two of its rounds
        }

        Assert.True(before with { Rflags = 0 } == after with { Rflags = 0 }, $"{instruction}{Environment.NewLine}{before}{Environment.NewLine}{after}");
        Assert.True(special with { Cr2 = 0 } == board.State.SpecialRegisters with { Cr2 = 0 }, $"{instruction}{Environment.NewLine}{special}{Environment.NewLine}{board.State.SpecialRegisters}");
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void RandomCode_InBlocksAndOneByOne_IsTheSame(FuzzMode mode)
    {
        for (int seed = 0; seed < Rounds; seed++)
        {
            TestBoard blocks = FuzzGuest.Create(mode, seed, deliver: false);
            TestBoard steps = FuzzGuest.Create(mode, seed, deliver: false);
            X64EmulationResult end = RunUntilEnd(blocks, Instructions);
            X64EmulationResult stepEnd = RunUntilEnd(steps, 1);
            if (end is X64EmulationResult.LimitReached or X64EmulationResult.Access || stepEnd is X64EmulationResult.LimitReached or X64EmulationResult.Access)
            {
                continue; // it loops; where it stands after so many instructions is counted differently
            }

            string name = $"{mode}, seed {seed}: {end}, {stepEnd}";
            Assert.True(end == stepEnd && blocks.Registers == steps.Registers, $"{name}{Environment.NewLine}{blocks.Registers}{Environment.NewLine}{steps.Registers}");
            Assert.True(blocks.State.SpecialRegisters == steps.State.SpecialRegisters, name);
            Assert.True(blocks.Ram.AsSpan().SequenceEqual(steps.Ram), $"{name}: memory differs.");
            Assert.Equal(blocks.Accesses, steps.Accesses);
        }
    }

    private static X64EmulationResult RunUntilEnd(TestBoard board, long limit)
    {
        X64EmulationResult result = X64EmulationResult.LimitReached;
        for (int i = 0; i < MaxAccesses && board.Emulator.InstructionCount < 500; i++)
        {
            result = board.Step(limit);
            if (result == X64EmulationResult.Access)
            {
                board.Answer();
            }
            else if (result != X64EmulationResult.LimitReached)
            {
                break;
            }
        }

        return result;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AlignmentCheck_WhoseDeliveryRaisesIt_EndsInShutdown(bool byInterrupt)
    {
        // Level 3 with AC set and a stack that is misaligned; the gate of #AC leads to level 3. A processor delivers it forever (CVE-2015-5307).
        GuestProgram program = GuestProgram.ProtectedMode(
            (a, marks) =>
            {
                a.mov(Iced.Intel.AssemblerRegisters.eax, Iced.Intel.AssemblerRegisters.__dword_ptr[0x2001]);
                marks.Handler(17);
                a.nop();
            },
            new() { PrivilegeLevel = 3 });
        var board = new TestBoard(program);
        X64SpecialRegisters special = board.State.SpecialRegisters;
        board.State.SpecialRegisters = special with { Cr0 = special.Cr0 | (1 << 18) };
        ulong gate = GuestLayout.DefaultIdtAddress + (17 * 8);
        board.Write(gate, 8, (board.Read(gate, 8) & ~0xFFFF_0000UL) | ((ulong)GuestSelectors.UserCode << 16));
        board.Registers = board.Registers with { Rflags = board.Registers.Rflags | (1 << 18), Rsp = 0x8FFD };
        if (byInterrupt)
        {
            board.Write(GuestLayout.DefaultIdtAddress + (0x20 * 8), 8, board.Read(gate, 8));
            TestMachine machine = new(board);
            Assert.Equal(X64EmulationResult.Shutdown, board.Emulator.Interrupt(board.State, ref machine, 0x20));
            return;
        }

        Assert.Equal(X64EmulationResult.Shutdown, board.Step());
    }
}
