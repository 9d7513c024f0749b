using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>Makes cases of system instructions: one that tables, registers and memory were prepared for, and up to two behind it.</summary>
public sealed class SystemCaseGenerator
{
    private const int MaxFollowers = 2;
    private readonly SystemPool _pool;
    private readonly string _hypervisor;

    /// <summary>Makes a generator for a mode.</summary>
    /// <param name="mode">The mode.</param>
    /// <param name="hypervisor">First word of the host's description.</param>
    /// <param name="accepts">Says of an encoding whether cases may have it.</param>
    public SystemCaseGenerator(MachineMode mode, string hypervisor, Func<Code, bool> accepts)
    {
        _pool = SystemPool.Create(mode, accepts);
        _hypervisor = hypervisor;
    }

    /// <summary>How many encodings cases are made from.</summary>
    public int Count => _pool.Count;

    // Registers and memory are prepared for the first instruction alone. Unprepared, these would read or write registers of the host's choice, or go on wherever chance says.
    private bool CanFollow(in Instruction follower, SystemInput input) => input switch
    {
        SystemInput.FarTarget or SystemInput.Msr => false,
        SystemInput.Frame => _pool.Mode != MachineMode.Real16,
        SystemInput.SystemCall => follower.Mnemonic is Mnemonic.Syscall or Mnemonic.Sysenter or Mnemonic.Swapgs,
        _ => true,
    };

    /// <summary>Makes the case of a seed.</summary>
    /// <param name="seed">The seed.</param>
    public TestCase Create(ulong seed)
    {
        RandomSource random = new(seed);
        while (true)
        {
            TestCase test = CaseGenerator.CreateState(ref random, seed, _pool.Mode, _hypervisor);
            test.CodeAddress = MachineMap.Code + (ulong)random.Below(MachineMap.PageSize);
            int level = SystemStart.Add(ref random, test);
            SystemTables.Add(ref random, test);
            (Code code, SystemInput input) = _pool.Draw(ref random);
            SystemInputs inputs = new(test, level);
            if (inputs.TryPrepare(ref random, code, input) is not { } first)
            {
                continue;
            }

            List<CaseInstruction> instructions = [new(first, [], null, CaseInstruction.NoTarget)];
            for (int i = random.Below(MaxFollowers + 1); i > 0; i--)
            {
                (code, input) = _pool.Draw(ref random);
                if (inputs.TryBuild(ref random, code, out Instruction follower) && CanFollow(follower, input))
                {
                    instructions.Add(new(follower, [], null, CaseInstruction.NoTarget));
                }
            }

            test.Instructions = instructions;
            if (CaseEncoder.TryEncode(test))
            {
                return test;
            }
        }
    }
}
