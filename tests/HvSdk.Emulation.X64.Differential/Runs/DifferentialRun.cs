using System.Diagnostics;
using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>Runs cases on a processor and on the emulator, and compares.</summary>
public sealed class DifferentialRun : IDisposable
{
    private readonly RunOptions _options;
    private readonly KvmEngine _processor;
    private readonly EmulatorEngine _emulator;
    private readonly Comparer _comparer;
    private readonly Outcome _expected = new();
    private readonly Outcome _actual = new();

    /// <summary>Makes both machines.</summary>
    /// <param name="options">What to do.</param>
    public DifferentialRun(RunOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _processor = new KvmEngine(options.Mode);
        _emulator = new EmulatorEngine(options.Mode, options.IsSystem ? _processor.EmulatorOptions : null, options.IsSystem ? _processor.Cpuid : null);
        _comparer = new Comparer(_processor.HypervisorName);
    }

    // Where QEMU plays the processor the emulator is slow too.
    private int ProbesPerCode => _processor.HypervisorName.EndsWith("@tcg", StringComparison.Ordinal) ? 2 : 6;

    /// <summary>Runs the cases.</summary>
    /// <param name="log">Gets each divergence as it is found; null: nobody.</param>
    public RunResult Run(Action<Divergence>? log = null)
    {
        (Func<ulong, TestCase> create, RunResult result) = Prepare();
        long start = Stopwatch.GetTimestamp();
        for (long i = _options.First; i < _options.First + _options.Count; i++)
        {
            TestCase test = create(RandomSource.Derive(_options.Seed, i));
            bool isDevice = _options.DevicePeriod > 0 && i % _options.DevicePeriod == 0;
            if (FindDivergence(test, result, isDevice) is { } found)
            {
                if (RunCase(test, null, isDevice) is null)
                {
                    Count(result, "differed once, and not again");
                    continue;
                }

                Divergence divergence = Minimize(new Divergence(i, test, found.Differences, found.IsDevice));
                result.Divergences.Add(divergence);
                log?.Invoke(divergence);
            }

            if (result.Divergences.Count >= _options.MaxDivergences || Stopwatch.GetElapsedTime(start) >= _options.Limit)
            {
                break;
            }
        }

        result.Elapsed = Stopwatch.GetElapsedTime(start);
        return result;
    }

    /// <inheritdoc/>
    public void Dispose() => _processor.Dispose();

    private (Func<ulong, TestCase> Create, RunResult Result) Prepare()
    {
        string description = $"{_options.Mode} on {_processor.HostDescription}";
        Func<Code, bool> accepts = code => _options.Accepts(code) && (!IsOfCompactedForm(code) || _processor.HasCompactedForm);
        if (_options.IsVectorState)
        {
            VectorStateCaseGenerator state = new(_options.Mode, _processor.HypervisorName, _processor.MxcsrMask, accepts);
            return (state.Create, new() { HostDescription = $"Vector state, {description}", PoolSize = state.Count, Unsupported = [] });
        }

        if (_options.IsSystem)
        {
            SystemCaseGenerator system = new(_options.Mode, _processor.HypervisorName, accepts);
            return (system.Create, new() { HostDescription = $"System cases, {description}", PoolSize = system.Count, Unsupported = [] });
        }

        InstructionPool pool = CreatePool(out List<Code> unsupported);
        CaseGenerator generator = new(pool);
        return (generator.Create, new() { HostDescription = description, PoolSize = pool.Count, Unsupported = unsupported });
    }

    private static bool IsOfCompactedForm(Code code) => code.Mnemonic() is Mnemonic.Xsavec or Mnemonic.Xsavec64;

    // Without what the emulator says it cannot do.
    private InstructionPool CreatePool(out List<Code> unsupported)
    {
        List<Code> missing = [];
        CaseGenerator generator = new(InstructionPool.Create(_options.Mode, _processor.HypervisorName, _options.Accepts));
        var pool = InstructionPool.Create(_options.Mode, _processor.HypervisorName, code =>
        {
            if (!_options.Accepts(code))
            {
                return false;
            }

            for (int i = 0; i < ProbesPerCode; i++)
            {
                if (generator.Create((ulong)i, code) is { } test)
                {
                    _emulator.Run(test, _actual);
                    _emulator.Reset();
                    if (_actual.End == EndKind.Unsupported)
                    {
                        missing.Add(code);
                        return false;
                    }
                }
            }

            return true;
        });
        unsupported = missing;
        return pool;
    }

    // A system case may end up in a table or a stack, as where a limit keeps a far transfer from nothing: what lies there is anything, results that are left undefined
    // among it. Such a case differs where it still does when it ends at once there.
    private (IReadOnlyList<string> Differences, bool IsDevice)? FindDivergence(TestCase test, RunResult? result, bool isDevice)
    {
        if (RunCase(test, result, isDevice) is not { } found)
        {
            return null;
        }

        if (test.System is null || !_emulator.TryFindStrayCode(test, out MemoryPatch stray))
        {
            return found;
        }

        ulong ending = BitConverter.ToUInt16(CaseEncoder.End);
        TestCase shorter = test.With(new MemoryPatch(stray.Address, (stray.Value & ~(ulong)ushort.MaxValue) | ending));
        if (RunCase(shorter, null, isDevice) is not null)
        {
            return found;
        }

        Count(result, "run what is no code of theirs, and differ there alone");
        return null;
    }

    private (IReadOnlyList<string> Differences, bool IsDevice)? RunCase(TestCase test, RunResult? result, bool isDevice)
    {
        _emulator.Run(test, _actual);
        if (Skips.ReasonOf(test, _actual, "emulator") is { } early)
        {
            _emulator.Reset();
            Count(result, early);
            return null;
        }

        _processor.Run(test, _expected);
        List<string> differences = [];
        string? reason = Skips.ReasonOf(test, _expected, "processor");
        if (reason is null)
        {
            differences = _comparer.Compare(test, _expected, _actual);
            reason = differences.Count > 0 ? Skips.ReasonOf(test, _expected, _actual, _processor.HypervisorName) : null;
        }

        bool isSkipped = reason is not null;
        if (isSkipped)
        {
            Count(result, reason!);
            differences = [];
            _processor.ResetMemory();
        }
        else
        {
            Count(result, test);
        }

        ResetBoth(differences.Count > 0);
        bool differsInDevice = false;
        if (isDevice && !isSkipped && differences.Count == 0)
        {
            differences = CompareDevice(test, result);
            differsInDevice = true;
        }

        return differences.Count > 0 ? (differences, differsInDevice) : null;
    }

    private List<string> CompareDevice(TestCase test, RunResult? result)
    {
        _emulator.IsArenaDevice = true;
        _emulator.Run(test, _actual);
        _emulator.IsArenaDevice = false;
        List<string> differences = [];
        if (Skips.ReasonOf(test, _actual, "emulator with a device") is { } reason)
        {
            Count(result, reason);
        }
        else
        {
            differences = _comparer.Compare(test, _expected, _actual);
            if (result is not null)
            {
                result.DeviceCases++;
            }
        }

        _emulator.Reset();
        return differences;
    }

    private void ResetBoth(bool isEverything)
    {
        if (isEverything)
        {
            _processor.ResetMemory();
        }
        else
        {
            foreach (int page in _emulator.DirtyPages)
            {
                _processor.ResetPage(page);
            }
        }

        _emulator.Reset();
    }

    // Takes away one instruction after the other, as long as something differs.
    private Divergence Minimize(Divergence divergence)
    {
        bool again = true;
        while (again)
        {
            again = false;
            for (int i = divergence.Test.Instructions.Count - 1; i >= 0 && divergence.Test.Instructions.Count > 1; i--)
            {
                if (divergence.Test.With(Without(divergence.Test.Instructions, i)) is { } shorter
                    && FindDivergence(shorter, null, divergence.IsDevice) is { } found
                    && found.IsDevice == divergence.IsDevice)
                {
                    divergence = divergence with { Test = shorter, Differences = found.Differences };
                    again = true;
                }
            }
        }

        return divergence;
    }

    private static List<CaseInstruction> Without(IReadOnlyList<CaseInstruction> instructions, int index) =>
    [
        .. instructions.Where((_, i) => i != index).Select(item => item.Target > index ? item with { Target = item.Target - 1 } : item),
    ];

    private static void Count(RunResult? result, string reason)
    {
        if (result is not null)
        {
            result.Skipped[reason] = result.Skipped.GetValueOrDefault(reason) + 1;
        }
    }

    private void Count(RunResult? result, TestCase test)
    {
        if (result is null)
        {
            return;
        }

        result.Compared++;
        if (_expected.End == EndKind.End)
        {
            result.Ended++;
        }
        else if (_expected.End == EndKind.Handler)
        {
            result.Vectors[_expected.Vector]++;
        }

        foreach (CaseInstruction item in test.Instructions)
        {
            Code code = item.Instruction.Code;
            result.Covered[code] = result.Covered.GetValueOrDefault(code) + 1;
        }
    }
}
