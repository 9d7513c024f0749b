namespace HvSdk.Emulation.Differential.Tests;

/// <summary>What cases are made of; needs no hypervisor.</summary>
public sealed class GeneratorTests
{
    private const int Cases = 200;

    /// <summary>All modes.</summary>
    public static TheoryData<MachineMode> Modes => [.. Enum.GetValues<MachineMode>()];

    [Theory]
    [MemberData(nameof(Modes))]
    public void Create_TheSameSeedTwice_GivesTheSameCase(MachineMode mode)
    {
        InstructionPool pool = InstructionPool.Create(mode, "", static _ => true);
        CaseGenerator one = new(pool);
        CaseGenerator two = new(pool);
        for (int i = 0; i < Cases; i++)
        {
            ulong seed = RandomSource.Derive(7, i);
            TestCase a = one.Create(seed);
            TestCase b = two.Create(seed);

            Assert.Equal(a.Code, b.Code);
            Assert.Equal(a.Registers, b.Registers);
            Assert.Equal(a.Xsave, b.Xsave);
            Assert.Equal(a.Patches, b.Patches);
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Create_AnySeed_LiesWithinTheCodePages(MachineMode mode)
    {
        CaseGenerator generator = new(InstructionPool.Create(mode, "", static _ => true));
        for (int i = 0; i < Cases; i++)
        {
            TestCase test = generator.Create(RandomSource.Derive(8, i));

            Assert.InRange(test.CodeAddress, MachineMap.Code, MachineMap.CodeEnd - 1);
            Assert.InRange(test.Code.Length, 3, 8 * 15 + 2);
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Emulator_TheSameCaseTwice_EndsTheSame(MachineMode mode)
    {
        CaseGenerator generator = new(InstructionPool.Create(mode, "", static _ => true));
        EmulatorEngine engine = new(mode);
        Comparer comparer = new("");
        Outcome one = new();
        Outcome two = new();
        for (int i = 0; i < Cases; i++)
        {
            TestCase test = generator.Create(RandomSource.Derive(9, i));
            engine.Run(test, one);
            engine.Reset();
            engine.Run(test, two);
            engine.Reset();

            Assert.Empty(comparer.Compare(test, one, two));
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Emulator_OperandsInADevice_EndAsInRam(MachineMode mode)
    {
        CaseGenerator generator = new(InstructionPool.Create(mode, "", static _ => true));
        EmulatorEngine engine = new(mode);
        Comparer comparer = new("");
        Outcome ram = new();
        Outcome device = new();
        for (int i = 0; i < Cases; i++)
        {
            TestCase test = generator.Create(RandomSource.Derive(10, i));
            engine.Run(test, ram);
            engine.Reset();
            engine.IsArenaDevice = true;
            engine.Run(test, device);
            engine.IsArenaDevice = false;
            engine.Reset();
            if (ram.End == EndKind.Timeout || device.End is EndKind.Timeout or EndKind.Unsupported)
            {
                continue; // does not end; or more than an emulated instruction may read from a device
            }

            List<string> differences = comparer.Compare(test, ram, device);
            Assert.True(differences.Count == 0, new Divergence(i, test, differences, IsDevice: true).ToString());
        }
    }
}
