namespace HvSdk.Testing;

/// <summary>Plays one step.</summary>
/// <returns>True where it gives an exit; false where the guest goes on with the next step.</returns>
internal delegate bool ScriptPlayer(ScriptedVcpuBackend vcpu, out VcpuExit exit);

/// <summary>One step of a script.</summary>
/// <param name="Play">Plays it.</param>
/// <param name="ContinuesInstruction">It belongs to the instruction of the step before.</param>
internal readonly record struct ScriptStep(ScriptPlayer Play, bool ContinuesInstruction);
