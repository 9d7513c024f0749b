using System.Buffers.Binary;
using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>Makes cases of instructions that save and load x87, SSE and AVX state: one with an image in memory, and up to two behind it with the same one.</summary>
/// <remarks>Nothing in them needs a privilege: a host that runs code of level 3 alone on its processor can be compared too.</remarks>
public sealed class VectorStateCaseGenerator
{
    private const int MaxFollowers = 2;
    private const int MxcsrMask = 28; // in the image (SDM vol. 1, 10.5.1)
    private const int UserLevel = 3;
    private const ulong AlignmentCheck = 1UL << 18; // RFLAGS.AC

    private readonly Code[] _codes;
    private readonly MachineMode _mode;
    private readonly string _hypervisor;
    private readonly uint _mxcsrMask;

    /// <summary>Makes a generator for a mode.</summary>
    /// <param name="mode">The mode.</param>
    /// <param name="hypervisor">First word of the host's description.</param>
    /// <param name="mxcsrMask">The bits of MXCSR that the processor has.</param>
    /// <param name="accepts">Says of an encoding whether cases may have it.</param>
    public VectorStateCaseGenerator(MachineMode mode, string hypervisor, uint mxcsrMask, Func<Code, bool> accepts)
    {
        (_mode, _hypervisor, _mxcsrMask) = (mode, hypervisor, mxcsrMask);

        // FRSTOR and FLDENV load pointers to a last x87 instruction, and makes of processors keep and save their selectors differently. STMXCSR is of other cases too: here
        // it would write where the image has its x87 control word, and whether XSAVEOPT writes that again is each processor's own affair (SDM vol. 1, 13.9).
        _codes = SystemPool.VectorState(mode, code => accepts(code) && code.Mnemonic() is not (Mnemonic.Frstor or Mnemonic.Fldenv or Mnemonic.Stmxcsr));
    }

    /// <summary>How many encodings cases are made from.</summary>
    public int Count => _codes.Length;

    /// <summary>Makes the case of a seed.</summary>
    /// <param name="seed">The seed.</param>
    public TestCase Create(ulong seed)
    {
        RandomSource random = new(seed);
        while (true)
        {
            TestCase test = CaseGenerator.CreateState(ref random, seed, _mode, _hypervisor);
            test.Registers = test.Registers with { Rflags = test.Registers.Rflags & ~AlignmentCheck }; // which of these check it is each processor's own affair
            BinaryPrimitives.WriteUInt32LittleEndian(test.Xsave.AsSpan(MxcsrMask), _mxcsrMask);
            SystemInputs inputs = new(test, UserLevel);
            if (inputs.TryPrepare(ref random, random.Pick<Code>(_codes), SystemInput.VectorState) is not { } first)
            {
                continue;
            }

            List<CaseInstruction> instructions = [WithoutSegment(first)];
            for (int i = random.Below(MaxFollowers + 1); i > 0; i--)
            {
                if (inputs.TryBuild(ref random, random.Pick<Code>(_codes), out Instruction follower))
                {
                    instructions.Add(WithoutSegment(follower));
                }
            }

            test.Instructions = instructions;
            if (CaseEncoder.TryEncode(test))
            {
                return test;
            }
        }
    }

    // All mean the one image: which byte of an area across two pages faults first is each processor's own affair.
    private static CaseInstruction WithoutSegment(Instruction instruction)
    {
        instruction.SegmentPrefix = Register.None;
        return new(instruction, [], null, CaseInstruction.NoTarget);
    }
}
